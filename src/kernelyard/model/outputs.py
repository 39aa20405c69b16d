"""Outputs as readers want them: pages, and the whole of a task put together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from kernelyard.model.json import JsonObject, JsonValue
from kernelyard.model.projection import body_of
from kernelyard.model.records import Record, RecordKind
from kernelyard.model.tasks import Task

_SHOWN = frozenset(
    {RecordKind.STREAM, RecordKind.DISPLAY_DATA, RecordKind.EXECUTE_RESULT, RecordKind.ERROR}
)
"""Kinds before which a clearing that waits takes place."""


@dataclass(frozen=True, slots=True)
class OutputPage:
    """Some records of a task or kernel."""

    records: list[Record]
    last: int
    """Ask for what comes after this number next."""
    complete: bool
    """Whether nothing will ever come after ``last``."""


@dataclass(frozen=True, slots=True)
class Display:
    """One thing shown, after its updates."""

    kind: RecordKind
    data: JsonObject
    metadata: JsonObject
    execution_count: int | None = None
    display_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """All outputs of one task put together."""

    task: Task
    stdout: str
    stderr: str
    displays: list[Display] = field(default_factory=list)
    cut_bytes: int = 0
    gaps: int = 0
    """How often nobody listened for a while: output of that time is missing."""
    outputs_removed: bool = False
    """Whether its outputs were removed because they were kept long enough."""


class Aggregation:
    """Puts outputs together one record at a time."""

    def __init__(self) -> None:
        self._streams: dict[str, list[str]] = {"stdout": [], "stderr": []}
        self._displays: list[Display] = []
        self._cut = 0
        self._gaps = 0
        self._clear_next = False

    def add_all(self, records: Iterable[Record]) -> None:
        """Take in more records, in order."""
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Take in one record."""
        if self._clear_next and record.kind in _SHOWN:
            self._displays.clear()
            self._clear_next = False
        match record.kind:
            case RecordKind.STREAM:
                self._stream(body_of(record))
            case RecordKind.DISPLAY_DATA | RecordKind.EXECUTE_RESULT:
                self._display(record.kind, body_of(record))
            case RecordKind.UPDATE_DISPLAY_DATA:
                self._update(body_of(record))
            case RecordKind.CLEAR_OUTPUT:
                self._clear(body_of(record))
            case RecordKind.GAP:
                self._gaps += 1
            case RecordKind.CUT:
                cut = body_of(record).get("bytes")
                self._cut += cut if isinstance(cut, int) else 0
            case _:
                pass

    def result(self, task: Task) -> Aggregate:
        """Return what has been taken in."""
        return Aggregate(
            task=task,
            stdout="".join(self._streams["stdout"]),
            stderr="".join(self._streams["stderr"]),
            displays=list(self._displays),
            cut_bytes=self._cut,
            gaps=self._gaps,
        )

    def _stream(self, content: JsonObject) -> None:
        name, text = content.get("name"), content.get("text")
        if isinstance(text, str):
            self._streams["stderr" if name == "stderr" else "stdout"].append(text)

    def _display(self, kind: RecordKind, content: JsonObject) -> None:
        count = content.get("execution_count")
        self._displays.append(
            Display(
                kind=kind,
                data=_object(content.get("data")),
                metadata=_object(content.get("metadata")),
                execution_count=count if isinstance(count, int) else None,
                display_id=_display_id(content),
            )
        )

    def _update(self, content: JsonObject) -> None:
        display_id = _display_id(content)
        data, metadata = _object(content.get("data")), _object(content.get("metadata"))
        self._displays = [
            replace(display, data=data, metadata=metadata)
            if display_id is not None and display.display_id == display_id
            else display
            for display in self._displays
        ]

    def _clear(self, content: JsonObject) -> None:
        if content.get("wait"):
            self._clear_next = True
        else:
            self._displays.clear()


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _display_id(content: JsonObject) -> str | None:
    transient = content.get("transient")
    value = transient.get("display_id") if isinstance(transient, dict) else None
    return value if isinstance(value, str) else None
