"""What journal records mean for the rows of a kernel and its tasks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from kernelyard.model.json import JsonObject, JsonValue
from kernelyard.model.kernel_phases import Phase
from kernelyard.model.quantities import Micros
from kernelyard.model.records import EndCause, Record, RecordKind, StoppedBy
from kernelyard.model.tasks import TaskError, TaskState

GENTLE_ENDS = frozenset({EndCause.ASKED, EndCause.IDLE, EndCause.LIFE_LIMIT})
"""Causes after which a kernel is terminated; after all others it has failed."""
_CAUSES = frozenset(EndCause)
_STOPPED_BY = frozenset(StoppedBy)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRun:
    """What a client has asked a kernel to run in a message of its own."""

    code: str
    author: str
    at: Micros


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskChange:
    """What is new about one task. None: nothing is new there."""

    seq: int
    state: TaskState
    id: str | None = None
    started_at: Micros | None = None
    first_number: int | None = None
    ended_at: Micros | None = None
    last_number: int | None = None
    reason: str | None = None
    cause: EndCause | None = None
    stopped_by: StoppedBy | None = None
    state_preserved: bool | None = None
    error: TaskError | None = None
    execution_count: int | None = None
    asked: AskedRun | None = None
    """What the task is, where the store has it from the journal only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseChange:
    """One step of the kernel's life."""

    at: Micros
    phase: Phase | None
    """Where it is now; None where it stays and there is only something to tell."""
    reason: str | None = None
    cause: EndCause | None = None
    exit_code: int | None = None
    signal: str | None = None
    event: str = "ending_soon"
    """What is told where it stays where it is."""
    attempt: int = 0
    """The start that this is about, where it is about one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """What a run of records changes."""

    last_number: int
    last_activity_at: Micros | None
    tasks: tuple[TaskChange, ...] = ()
    phases: tuple[PhaseChange, ...] = ()
    ran_attempt: int | None = None
    info: JsonObject | None = None
    started: str | None = None
    """How its last process was started."""
    size: int = 0
    """Bytes of all bodies."""
    started_seq: int | None = None
    """The task that these records leave running; None if they start none or end it again."""
    closed: bool = False

    @property
    def settles(self) -> bool:
        """Whether something comes to an end or begins: a task ends, the kernel moves on."""
        return bool(self.phases) or any(task.state.is_final for task in self.tasks)

    def current_after(self, current: int | None) -> int | None:
        """The running task after these records, where ``current`` ran before them."""
        if self.started_seq is not None:
            return self.started_seq
        ended = any(task.seq == current and task.state.is_final for task in self.tasks)
        return None if self.closed or ended else current


def project(records: Sequence[Record]) -> Projection:
    """Return what ``records`` (in order, at least one) change."""
    folding = _Folding()
    size = 0
    for record in records:
        size += len(record.body)
        if record.seq:
            folding.active_at = record.at
        fold = _FOLDS.get(record.kind)
        if fold is not None:
            fold(folding, record, body_of(record))
    return folding.projection(records[-1].number, size)


def body_of(record: Record) -> JsonObject:
    """The record's body, decoded; empty if it cannot be."""
    try:
        body: JsonValue = json.loads(record.body)
    except (ValueError, RecursionError):
        # Valid JSON that is nested too deep, or has a number too long, for this reader.
        return {}
    if not isinstance(body, dict):
        raise TypeError(f"record {record.number} has a body that is not an object")
    return body


class _Folding:
    """What has come of the records so far; see the fields of Projection."""

    __slots__ = (
        "active_at",
        "closed",
        "info",
        "phases",
        "ran_attempt",
        "started",
        "started_seq",
        "tasks",
    )

    def __init__(self) -> None:
        self.active_at: Micros | None = None
        self.tasks: dict[int, TaskChange] = {}
        self.phases: list[PhaseChange] = []
        self.ran_attempt: int | None = None
        self.info: JsonObject | None = None
        self.started: str | None = None
        self.started_seq: int | None = None
        self.closed = False

    def projection(self, last_number: int, size: int) -> Projection:
        return Projection(
            last_number=last_number,
            last_activity_at=self.active_at,
            tasks=tuple(self.tasks.values()),
            phases=tuple(self.phases),
            ran_attempt=self.ran_attempt,
            info=self.info,
            started=self.started,
            size=size,
            started_seq=self.started_seq,
            closed=self.closed,
        )

    def tell(self, at: Micros, event: str, body: JsonObject) -> None:
        """Something to be told of, after which everything is as it was."""
        change = PhaseChange(
            at=at, phase=None, reason=_text(body, "reason"), cause=_cause(body), event=event
        )
        self.phases.append(change)

    def phase(self, at: Micros, phase: Phase, body: JsonObject) -> None:
        code, attempt = body.get("exit_code"), body.get("attempt")
        change = PhaseChange(
            at=at,
            phase=phase,
            reason=_text(body, "reason"),
            cause=_cause(body),
            exit_code=code if isinstance(code, int) else None,
            signal=_text(body, "signal"),
            attempt=attempt if isinstance(attempt, int) else 0,
        )
        self.phases.append(change)


def _started(folding: _Folding, record: Record, body: JsonObject) -> None:
    folding.tasks[record.seq] = TaskChange(
        seq=record.seq,
        state=TaskState.RUNNING,
        id=_text(body, "task_id"),
        started_at=record.at,
        first_number=record.number,
        asked=_asked(body.get("asked"), record.at),
    )
    folding.started_seq = record.seq


def _ended(folding: _Folding, record: Record, body: JsonObject) -> None:
    begun = folding.tasks.get(record.seq)
    count, preserved = body.get("execution_count"), body.get("state_preserved")
    folding.tasks[record.seq] = TaskChange(
        seq=record.seq,
        state=TaskState(_text(body, "state") or TaskState.LOST),
        id=_text(body, "task_id"),
        started_at=begun.started_at if begun else None,
        first_number=begun.first_number if begun else None,
        ended_at=record.at,
        last_number=record.number,
        reason=_text(body, "reason"),
        cause=_cause(body),
        stopped_by=_stopped_by(body),
        state_preserved=preserved if isinstance(preserved, bool) else None,
        error=_error(body.get("error")),
        execution_count=count if isinstance(count, int) else None,
        asked=begun.asked if begun else None,
    )
    if folding.started_seq == record.seq:
        folding.started_seq = None


def _launched(folding: _Folding, record: Record, body: JsonObject) -> None:
    folding.phase(record.at, Phase.CONNECTING, body)


def _ready(folding: _Folding, record: Record, body: JsonObject) -> None:
    folding.phase(record.at, Phase.READY, body)
    attempt, info = body.get("attempt"), body.get("info")
    folding.ran_attempt = attempt if isinstance(attempt, int) else None
    folding.info = info if isinstance(info, dict) else None
    folding.started = _text(body, "started")
    folding.active_at = record.at


def _active(folding: _Folding, record: Record, _: JsonObject) -> None:
    folding.active_at = record.at


def _ending_soon(folding: _Folding, record: Record, body: JsonObject) -> None:
    folding.tell(record.at, "ending_soon", body)


def _interrupted(folding: _Folding, record: Record, body: JsonObject) -> None:
    folding.tell(record.at, "interrupted", body)


def _signalled(folding: _Folding, record: Record, body: JsonObject) -> None:
    folding.tell(record.at, "signalled", body)


def _restarting(folding: _Folding, record: Record, body: JsonObject) -> None:
    folding.phase(record.at, Phase.CONNECTING, body)


def _stopping(folding: _Folding, record: Record, body: JsonObject) -> None:
    folding.phase(record.at, Phase.STOPPING, body)


def _kernel_ended(folding: _Folding, record: Record, body: JsonObject) -> None:
    gentle = _text(body, "cause") in GENTLE_ENDS
    folding.phase(record.at, Phase.STOPPED if gentle else Phase.FAILED, body)
    folding.closed = True
    folding.started_seq = None


_FOLDS = {
    RecordKind.STARTED: _started,
    RecordKind.ENDED: _ended,
    RecordKind.KERNEL_LAUNCHED: _launched,
    RecordKind.KERNEL_READY: _ready,
    RecordKind.KERNEL_RESTARTING: _restarting,
    RecordKind.KERNEL_ACTIVE: _active,
    RecordKind.KERNEL_ENDING_SOON: _ending_soon,
    RecordKind.KERNEL_INTERRUPTED: _interrupted,
    RecordKind.KERNEL_SIGNALLED: _signalled,
    RecordKind.KERNEL_STOPPING: _stopping,
    RecordKind.KERNEL_ENDED: _kernel_ended,
}


def _asked(value: JsonValue, begun: Micros) -> AskedRun | None:
    if not isinstance(value, dict):
        return None
    at = value.get("at")
    return AskedRun(
        code=(_text(value, "code") or "").replace("\0", "\ufffd"),
        author=_text(value, "author") or "",
        at=min(at, begun) if isinstance(at, int) else begun,
    )


def _text(body: JsonObject, key: str) -> str | None:
    value = body.get(key)
    return value if isinstance(value, str) else None


def _cause(body: JsonObject) -> EndCause | None:
    word = _text(body, "cause")
    return EndCause(word) if word in _CAUSES else None


def _stopped_by(body: JsonObject) -> StoppedBy | None:
    word = _text(body, "stopped_by")
    return StoppedBy(word) if word in _STOPPED_BY else None


def _error(value: JsonValue) -> TaskError | None:
    if not isinstance(value, dict):
        return None
    lines = value.get("traceback")
    return TaskError(
        name=_text(value, "name") or "",
        value=_text(value, "value") or "",
        traceback=tuple(str(line) for line in lines) if isinstance(lines, list) else (),
    )
