"""Messages and attachments of tasks, made from what their kernels have said."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kernelyard.doors.h2o.writing import time
from kernelyard.model.json import JsonObject, JsonValue
from kernelyard.model.outputs import Aggregate
from kernelyard.model.projection import body_of
from kernelyard.model.quantities import Micros
from kernelyard.model.records import Record, RecordKind

ONE_LINE_MICROS: Micros = 1_000_000
"""For how long the rest of a line that was broken off belongs to the same message."""
_STREAMS = {"stdout": "TYPE_STDOUT", "stderr": "TYPE_STDERR"}
_DISPLAYS = frozenset(
    {RecordKind.DISPLAY_DATA, RecordKind.EXECUTE_RESULT, RecordKind.UPDATE_DISPLAY_DATA}
)


@dataclass(slots=True)
class Message:
    """One thing that a task said: a piece of a stream, or something displayed."""

    first: int
    """Number of the record that it begins with; it stands in the message's name."""
    last: int
    """Number of the record that it ends with."""
    at: Micros
    size: int
    """About how many bytes it has."""
    stream: str = ""
    """``stdout`` or ``stderr``; empty for something displayed."""
    texts: list[str] = field(default_factory=list)
    display: dict[str, str] = field(default_factory=dict)
    """MIME types and the base64 of their values."""

    def told(self, task_name: str) -> JsonObject:
        """The message on the wire, with either a stream or a display and never both."""
        head: JsonObject = {
            "name": f"{task_name}/messages/m{self.first}",
            "createTime": time(self.at),
        }
        if self.stream:
            return head | {"stream": {"type": _STREAMS[self.stream], "data": "".join(self.texts)}}
        return head | {"display": {"displayData": dict(self.display)}}


class Messages:
    """Makes messages of a task's records, taken in one after the other.

    What is printed at once may come in two pieces when a kernel sends what it has so far. So the rest
    of a line joins the piece that it was broken off from, if it follows within a moment.
    """

    def __init__(self) -> None:
        self.made: list[Message] = []

    def add_all(self, records: Iterable[Record]) -> None:
        """Take in more records, in order."""
        for record in records:
            if record.kind is RecordKind.STREAM:
                self._stream(record)
            elif record.kind in _DISPLAYS:
                self._display(record)

    def _stream(self, record: Record) -> None:
        content = body_of(record)
        text = content.get("text")
        if not isinstance(text, str) or not text:
            return
        stream = "stderr" if content.get("name") == "stderr" else "stdout"
        before = self.made[-1] if self.made else None
        if before is not None and _goes_on(before, stream, record.at):
            before.texts.append(_sound(text))
            before.last = record.number
            before.size += len(text)
            return
        message = Message(record.number, record.number, record.at, len(text), stream)
        message.texts.append(_sound(text))
        self.made.append(message)

    def _display(self, record: Record) -> None:
        data = body_of(record).get("data")
        if isinstance(data, dict) and data:
            shown = encoded(data)
            size = sum(len(value) for value in shown.values())
            number = record.number
            self.made.append(Message(number, number, record.at, size, display=shown))


def fitting(made: Sequence[Message], most: int, most_bytes: int) -> Sequence[Message]:
    """The messages that fit on a page, at least one if there is one."""
    size = 0
    for place, message in enumerate(made):
        size += message.size
        if place == most or (place and size > most_bytes):
            return made[:place]
    return made


def encoded(data: JsonObject) -> dict[str, str]:
    """The values of a MIME bundle in base64, on top of whatever Jupyter has encoded them with.

    What is no text, as in JSON types, is written as JSON first.
    """
    return {kind: _base64(value) for kind, value in data.items()}


def output(task_name: str, whole: Aggregate) -> JsonObject:
    """All that a task has said, put together; each thing displayed is an attachment."""
    attachments: list[JsonValue] = []
    for display in whole.displays:
        shown = encoded(display.data)
        if shown:
            parts: list[JsonValue] = [
                {"mimeType": kind, "data": value} for kind, value in shown.items()
            ]
            attachments.append({"data": parts})
    return {
        "name": f"{task_name}/output",
        "stdout": _sound(whole.stdout),
        "stderr": _sound(whole.stderr),
        "attachments": attachments,
    }


def _goes_on(before: Message, stream: str, at: Micros) -> bool:
    if before.stream != stream or before.texts[-1].endswith("\n"):
        return False
    return at - before.at <= ONE_LINE_MICROS


def _base64(value: JsonValue) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return base64.b64encode(text.encode("utf-8", "replace")).decode("ascii")


def _sound(text: str) -> str:
    """The text without halves of surrogate pairs, which are no text that could be sent."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
