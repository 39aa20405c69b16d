"""How tasks and kernels end, in the words that users read, and as bodies of records."""

from __future__ import annotations

import signal
from dataclasses import dataclass

import msgspec

from kernelyard.agent.processes import Exit
from kernelyard.model.records import EndCause
from kernelyard.model.tasks import TaskError, TaskState

NO_STDIN = "StdinNotImplementedError"
ASKED_FOR_INPUT = (
    "the code asked for input, and nobody can answer a prompt here yet: "
    "pass values in the code or the kernel's environment"
)
UNHEARD = "its end fell into a time when nobody listened; what it said while heard is kept"
NO_REPLY = "the kernel never said how it ended; it may have been interrupted before it began"
GAVE_UP = "the kernel gave it up without running it to its end"
DAMAGED = (
    "its journal was damaged on the disk: what was whole is kept, the rest lies beside it, and the "
    "kernel was ended because nobody can know what it had run"
)
_TAIL_LENGTH = 2000
_MOST_ERROR = 1024 * 1024
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEnd:
    """How a task ended."""

    state: TaskState
    reason: str | None = None
    error: TaskError | None = None
    execution_count: int | None = None

    def body(self, task_id: str) -> bytes:
        """The body of the record that says so."""
        error = None
        if self.error is not None:
            error = {
                "name": _clipped(self.error.name),
                "value": _clipped(self.error.value),
                "traceback": _clipped_lines(self.error.traceback),
            }
        return body(
            task_id=task_id,
            state=self.state.value,
            reason=self.reason,
            error=error,
            execution_count=self.execution_count,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelEnd:
    """How a kernel ended, and what that means for its tasks."""

    cause: EndCause
    reason: str
    exit: Exit | None = None

    def body(self) -> bytes:
        """The body of the journal's last record."""
        return body(
            cause=self.cause.value,
            reason=self.reason,
            exit_code=self.exit.code if self.exit else None,
            signal=self.exit.signal if self.exit else None,
        )

    def running_task(self) -> TaskEnd:
        """What becomes of the task that ran."""
        if self.cause is EndCause.DIED and self.exit is not None:
            reason = f"the kernel {_while_this_ran(self.exit)}; what it said until then is kept"
        else:
            reason = f"the kernel ended while this ran: {self.reason}"
        return TaskEnd(state=TaskState.LOST, reason=reason)

    def queued_task(self) -> TaskEnd:
        """What becomes of tasks that waited."""
        told = self.exit.sentence() if self.cause is EndCause.DIED and self.exit else self.reason
        return TaskEnd(
            state=TaskState.CANCELLED, reason=f"never ran: the kernel ended first: {told}"
        )


def needed_another_end(state: TaskState) -> TaskEnd:
    """What becomes of a task that needs one which ended in ``state``."""
    reason = f"the task it needs did not succeed ({state.value})"
    return TaskEnd(state=TaskState.CANCELLED, reason=reason)


def died(exit_: Exit, log: str) -> KernelEnd:
    """A kernel that ended though nobody asked; ``log`` is what it printed last, if that helps."""
    reason = exit_.sentence()
    if log and exit_.signal != signal.Signals.SIGKILL.name:
        reason += f"; its log ends with:\n{_short(log)}"
    return KernelEnd(cause=EndCause.DIED, reason=reason, exit=exit_)


def start_failed(problem: str, log: str = "", exit_: Exit | None = None) -> KernelEnd:
    """A kernel that never became ready."""
    reason = f"it could not be started: {problem}"
    if log:
        reason += f"; its log ends with:\n{_short(log)}"
    return KernelEnd(cause=EndCause.START_FAILED, reason=reason, exit=exit_)


def idle_reason(seconds: float) -> str:
    """Why an idle kernel is ended."""
    return f"idle for {_duration(seconds)}, the limit of its template"


def body(**fields: object) -> bytes:
    """Return a record's body."""
    return _encoder.encode(fields)


def _clipped(text: str) -> str:
    return text if len(text) <= _MOST_ERROR else text[:_MOST_ERROR] + "…"


def _clipped_lines(lines: tuple[str, ...]) -> tuple[str, ...]:
    if sum(map(len, lines)) <= _MOST_ERROR:
        return lines
    each = _MOST_ERROR // min(len(lines), 1000)
    return tuple(line if len(line) <= each else line[:each] + "…" for line in lines[-1000:])


def _while_this_ran(exit_: Exit) -> str:
    if exit_.signal is not None:
        return f"was {exit_.sentence()} while this ran"
    if exit_.code is not None:
        return f"{exit_.sentence()} while this ran"
    return "ended while this ran, nobody knows how"


def _short(log: str) -> str:
    return log if len(log) <= _TAIL_LENGTH else "…" + log[-_TAIL_LENGTH:]


def _duration(seconds: float) -> str:
    parts: list[str] = []
    left = seconds
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{int(count)}{unit}")
    if left or not parts:
        parts.append(f"{left:g}s")
    return " ".join(parts)
