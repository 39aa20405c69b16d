"""How tasks and kernels end, in the words that users read, and as bodies of records."""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace

import msgspec

from kernelyard.agent.kernel_log import CRASH, last_raised
from kernelyard.model.exits import LOG_FOLLOWS, ExitResult
from kernelyard.model.records import EndCause, StoppedBy
from kernelyard.model.tasks import TaskError, TaskLimits, TaskState

NO_STDIN = "StdinNotImplementedError"
ASKED_FOR_INPUT = (
    "the code asked for input, and nobody can answer a prompt here yet: "
    "pass values in the code or the kernel's environment"
)
UNHEARD = "its end fell into a time when nobody listened; what it said while heard is kept"
NO_REPLY = "the kernel never said how it ended; it may have been interrupted before it began"
IGNORED = "the kernel took no notice of it; what a client sends must be of the kernel protocol"
GAVE_UP = "the kernel gave it up without running it to its end"
DAMAGED = (
    "its journal was damaged on the disk: what was whole is kept, the rest lies beside it, and the "
    "kernel was ended because nobody can know what it had run"
)
KEPT = "; what it said until then is kept"
DEATHS = frozenset({EndCause.DIED, EndCause.OUT_OF_MEMORY, EndCause.QUOTA})
"""Causes of kernels whose process ended though nobody asked."""
_NOT_STARTED = "it could not be started: "
_TAIL_LENGTH = 2000
_MOST_ERROR = 1024 * 1024
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryFate:
    """What the system did to a kernel's processes for want of memory."""

    killed: bool
    """Whether it killed one of them, as the kernel's own control group says."""
    suspected: bool = False
    """Whether it killed processes somewhere on the machine while this one lived."""
    limit: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEnd:
    """How a task ended."""

    state: TaskState
    reason: str | None = None
    cause: EndCause | None = None
    stopped_by: StoppedBy | None = None
    state_preserved: bool | None = None
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
            cause=self.cause,
            stopped_by=self.stopped_by,
            state_preserved=self.state_preserved,
            error=error,
            execution_count=self.execution_count,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelEnd:
    """How a kernel ended, and what that means for its tasks."""

    cause: EndCause
    reason: str
    exit: ExitResult | None = None

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
        if self.cause is EndCause.OUT_OF_MEMORY:
            reason = "the kernel was killed for want of memory while this ran" + KEPT
        elif self.cause in DEATHS and self.exit is not None:
            reason = f"the kernel {_while_this_ran(self.exit)}{KEPT}"
        else:
            reason = f"the kernel ended while this ran: {self.reason}"
        return TaskEnd(state=TaskState.LOST, reason=reason, cause=self.cause, state_preserved=False)

    def queued_task(self) -> TaskEnd:
        """What becomes of tasks that waited."""
        told = self.exit.sentence() if self.cause is EndCause.DIED and self.exit else self.reason
        return TaskEnd(
            state=TaskState.CANCELLED,
            reason=f"never ran: the kernel ended first: {told}",
            cause=self.cause,
            stopped_by=StoppedBy.QUEUE,
        )

    def restarting(self, attempt: int) -> bytes:
        """The body of the record that says that the kernel is started again after this."""
        return body(
            attempt=attempt,
            reason=f"started again after its process ended: {self.reason}",
            cause=self.cause.value,
            exit_code=self.exit.code if self.exit else None,
            signal=self.exit.signal if self.exit else None,
        )


def needed_another_end(state: TaskState) -> TaskEnd:
    """What becomes of a task that needs one which ended in ``state``."""
    reason = f"the task it needs did not succeed ({state.value})"
    return TaskEnd(
        state=TaskState.CANCELLED,
        reason=reason,
        cause=EndCause.NEEDS,
        stopped_by=StoppedBy.QUEUE,
    )


def restarted_end() -> TaskEnd:
    """What becomes of the task that runs when the kernel is restarted because somebody asked."""
    return TaskEnd(
        state=TaskState.CANCELLED,
        reason="the kernel was restarted",
        cause=EndCause.RESTARTED,
        stopped_by=StoppedBy.RESTART,
        state_preserved=False,
    )


def stopped_ends(reason: str, cause: EndCause, *, let_go: bool) -> tuple[TaskEnd, TaskEnd]:
    """What becomes of the task that runs and of those that wait when a kernel is ended or let go of."""
    what = "let go of" if let_go else "ended"
    still = "; it may still run there" if let_go else ""
    running = TaskEnd(
        state=TaskState.CANCELLED,
        reason=f"the kernel was {what}: {reason}{still}",
        cause=cause,
        state_preserved=let_go,
    )
    waiting = TaskEnd(
        state=TaskState.CANCELLED,
        reason=f"never ran: the kernel was {what} first: {reason}",
        cause=cause,
        stopped_by=StoppedBy.QUEUE,
    )
    return running, waiting


def let_go_end(end: KernelEnd, *, shut_down: bool) -> KernelEnd:
    """The same end of a kernel that is not ours, and that goes on."""
    obeyed = "; it was told to shut down, and has not ended yet" if shut_down else "; it goes on"
    return replace(end, reason=f"{end.reason}{obeyed}")


def attach_failed(end: KernelEnd) -> KernelEnd:
    """The failed start of a kernel that somebody else has started: it could not be attached."""
    return replace(end, reason=f"it could not be attached: {end.reason.removeprefix(_NOT_STARTED)}")


def taken_out(reason: str) -> TaskEnd:
    """What becomes of a task that was cancelled while it waited."""
    return TaskEnd(
        state=TaskState.CANCELLED,
        reason=reason,
        cause=EndCause.ASKED,
        stopped_by=StoppedBy.QUEUE,
    )


def died(exit_: ExitResult, log: str, memory: MemoryFate | None = None) -> KernelEnd:
    """A kernel that ended though nobody asked; ``log`` is what it printed last."""
    reason, cause = exit_.sentence(), EndCause.DIED
    if exit_.signal == signal.Signals.SIGXCPU.name:
        reason, cause = f"{reason}: the processor time it may use is used up", EndCause.QUOTA
    elif exit_.signal == "SIGXFSZ":
        reason, cause = f"{reason}: a file grew over the size that it may have", EndCause.QUOTA
    elif exit_.out_of_memory or (
        memory is not None
        and memory.killed
        and exit_.signal in (None, "SIGKILL")
        and exit_.code is None
    ):
        exit_ = replace(exit_, out_of_memory=True)
        limit = memory.limit if memory is not None else 0
        told = f": it needed more than its {_size(limit)}" if limit else ""
        reason, cause = f"killed for want of memory{told}", EndCause.OUT_OF_MEMORY
    elif memory is not None and memory.killed:
        reason += "; the system had killed a process of it for want of memory"
    elif memory is not None and memory.suspected and exit_.signal == signal.Signals.SIGKILL.name:
        reason += (
            "; the system ran short of memory and killed processes meanwhile, perhaps this one"
        )
    if log:
        reason += f"{LOG_FOLLOWS}\n{_short(log)}"
    return KernelEnd(cause=cause, reason=reason, exit=exit_)


def start_failed(problem: str, log: str = "", exit_: ExitResult | None = None) -> KernelEnd:
    """A kernel that never became ready."""
    reason = f"{_NOT_STARTED}{problem}"
    if log:
        reason += f"{LOG_FOLLOWS}\n{_short(log)}"
    return KernelEnd(cause=EndCause.START_FAILED, reason=reason, exit=exit_)


def idle_reason(seconds: float) -> str:
    """Why an idle kernel is ended."""
    return f"idle for {_duration(seconds)}, the limit of its template"


def life_reason(seconds: float) -> str:
    """Why a kernel is ended that has lived long enough."""
    return f"it has lived for {_duration(seconds)}, the limit of its template"


def time_reason(limits: TaskLimits) -> str:
    """Why a task is stopped that runs for too long."""
    return f"it ran for longer than {_duration(limits.time_seconds or 0)}, its time limit"


def silence_reason(limits: TaskLimits) -> str:
    """Why a task is stopped that says nothing for too long."""
    said = _duration(limits.silence_seconds or 0)
    return f"it said nothing for longer than {said}, its limit of silence"


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


def _while_this_ran(exit_: ExitResult) -> str:
    if exit_.signal is not None:
        return f"was {exit_.sentence()} while this ran"
    if exit_.code is not None:
        return f"{exit_.sentence()} while this ran"
    return "ended while this ran, nobody knows how"


def _short(log: str) -> str:
    """What of a log is quoted: whole lines, and the sentence of the last exception in any case."""
    if len(log) <= _TAIL_LENGTH:
        return log
    if log.startswith(CRASH):
        return log[:_TAIL_LENGTH] + "…"
    tail = log[-_TAIL_LENGTH:]
    tail = tail.partition("\n")[2] or tail
    raised = last_raised(log.splitlines())
    if raised and f"\n{raised}\n" not in f"\n{tail}\n":
        return f"{raised[:_TAIL_LENGTH]}\n…\n{tail}"
    return f"…\n{tail}"


def _size(number: int) -> str:
    size = float(number)
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.4g} {unit}"
        size /= 1024
    return f"{size:.4g} GiB"


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
