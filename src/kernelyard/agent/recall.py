"""What a journal tells an agent that was started again: where the kernel was when it was left."""

from __future__ import annotations

from dataclasses import dataclass, field

from kernelyard.agent.endings import KernelEnd
from kernelyard.model.json import JsonObject
from kernelyard.model.projection import body_of
from kernelyard.model.quantities import Micros
from kernelyard.model.records import OUTPUT_KINDS, EndCause, Record, RecordKind
from kernelyard.model.tasks import TaskState
from kernelyard.wire.messages import Error, read_error

_ACTIVITY = frozenset({RecordKind.KERNEL_READY, RecordKind.KERNEL_ACTIVE})


@dataclass(slots=True)
class Recollection:
    """Built up record by record while the journal is read."""

    settled: set[str] = field(default_factory=set)
    """Ids of the tasks that have ended."""
    unsuccessful: dict[int, TaskState] = field(default_factory=dict)
    """How those of them ended that did not succeed, by their numbers."""
    running: str | None = None
    """Id of the task that ran."""
    running_seq: int = 0
    running_msg_id: str = ""
    """Id of the message that asked for it, where that is another one."""
    kept_bytes: int = 0
    """Output of the running task that is in the journal."""
    raised: Error | None = None
    """The last error that the running task reported."""
    started_at: Micros = 0
    """When it began."""
    attempt: int = 0
    """The last start that was begun or asked for."""
    ready_attempt: int = 0
    launched_at: Micros = 0
    """When the kernel was first launched."""
    active_at: Micros = 0
    """When a task last began, spoke or ended, or the kernel became ready or was found active."""
    stopping: KernelEnd | None = None
    """How it was being ended."""
    shut_down: bool = False
    """Whether it was to be shut down though it is not ours."""
    closed: bool = False

    def take_in(self, record: Record) -> None:
        """Take in the next record."""
        if record.seq or record.kind in _ACTIVITY:
            self.active_at = record.at
        if record.kind in OUTPUT_KINDS:
            if record.seq and record.seq == self.running_seq:
                self.kept_bytes += len(record.body)
                if record.kind is RecordKind.ERROR:
                    self.raised = read_error(record.body)
            return
        match record.kind:
            case RecordKind.STARTED:
                body = body_of(record)
                self.running, self.running_msg_id = _text(body, "task_id"), _text(body, "msg_id")
                self.running_seq, self.kept_bytes, self.raised = record.seq, 0, None
                self.started_at = record.at
            case RecordKind.ENDED:
                self._take_in_end(record.seq, body_of(record))
                if record.seq == self.running_seq:
                    self.running, self.running_seq = None, 0
            case _:
                self._take_in_kernel(record)

    def _take_in_kernel(self, record: Record) -> None:
        match record.kind:
            case RecordKind.KERNEL_LAUNCHED:
                self.launched_at = self.launched_at or record.at
                self.attempt = max(self.attempt, _attempt(record))
            case RecordKind.KERNEL_RESTARTING:
                self.attempt = max(self.attempt, _attempt(record))
            case RecordKind.KERNEL_READY:
                self.ready_attempt = _attempt(record)
            case RecordKind.KERNEL_STOPPING:
                self.stopping = _stopping(body_of(record))
                self.shut_down = body_of(record).get("shut_down") is True
            case RecordKind.KERNEL_ENDED:
                self.closed = True
            case _:
                pass

    def _take_in_end(self, seq: int, body: JsonObject) -> None:
        self.settled.add(_text(body, "task_id"))
        state = TaskState(_text(body, "state") or TaskState.LOST)
        if state is not TaskState.SUCCEEDED:
            self.unsuccessful[seq] = state


def _stopping(body: JsonObject) -> KernelEnd:
    cause = _text(body, "cause")
    known = cause in set(EndCause)
    return KernelEnd(
        cause=EndCause(cause) if known else EndCause.ASKED, reason=_text(body, "reason")
    )


def _attempt(record: Record) -> int:
    attempt = body_of(record).get("attempt")
    return attempt if isinstance(attempt, int) else 0


def _text(body: JsonObject, key: str) -> str:
    value = body.get(key)
    return value if isinstance(value, str) else ""
