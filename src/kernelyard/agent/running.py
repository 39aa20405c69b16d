"""The task that runs, and how it ended, judged by what the kernel said of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from kernelyard.agent.allowance import Allowance
from kernelyard.agent.client_runs import ClientRun
from kernelyard.agent.endings import (
    ASKED_FOR_INPUT,
    GAVE_UP,
    IGNORED,
    NO_REPLY,
    NO_STDIN,
    UNHEARD,
    TaskEnd,
)
from kernelyard.agent.journal import wall_clock
from kernelyard.agent.queue import Queue
from kernelyard.agent.recall import Recollection
from kernelyard.agent.stopping import Stopping
from kernelyard.model.records import EndCause, StoppedBy
from kernelyard.model.tasks import Assignment, TaskError, TaskState
from kernelyard.wire.tracking import Execution


@dataclass(slots=True)
class Running:
    """The task that runs."""

    task: Assignment
    execution: Execution
    allowance: Allowance
    stopping: Stopping | None = None
    """Set when it is to be stopped."""
    adopted: bool = False
    """Whether it ran already when we found the kernel, so that its end may have been missed."""
    ran_seconds: float = 0.0
    """For how long it had run when we found it."""
    doubted: bool = False
    said_at: float = 0.0
    """When it last said something, in the loop's time."""
    held: list[bytes] = field(default_factory=list)
    """Errors seen since it was interrupted; dropped if they are nothing but the interrupt."""

    settling: bool = False
    """Whether it has ended, and its kernel may still say what it printed."""
    turned_away: int = 0
    """How often the kernel gave it up before it began."""

    @property
    def was_turned_away(self) -> bool:
        """Whether the kernel gave it up unbegun and nobody here wants it stopped.

        Kernels do so with all that waits when something fails: here only what another client ran.
        """
        reply, begun = self.execution.reply, self.execution.begun
        gave_up = reply is not None and reply.status == "aborted"
        return gave_up and not begun and not self.adopted and self.stopping is None

    @property
    def interrupted(self) -> bool:
        return self.stopping is not None and self.stopping.interrupts > 0

    @property
    def has_lost_its_idle_mark(self) -> bool:
        """Whether the kernel said how it ended, and nothing more came: then more was dropped."""
        replied = self.execution.reply is not None and not self.execution.aborted
        return replied and not self.execution.idle and not self.adopted and not self.interrupted

    def verdict(self) -> TaskEnd:
        """How it ended, where reply and idle mark have come."""
        execution = self.execution
        count, error = execution.execution_count, execution.error
        if execution.succeeded:
            return TaskEnd(state=TaskState.SUCCEEDED, execution_count=count)
        stopping = self.stopping
        if stopping is not None and (stopping.interrupts or execution.aborted):
            hide = stopping.cause is EndCause.ASKED and error is not None and _is_interrupt(error)
            return stopping.end(error=None if hide else error, execution_count=count)
        reason = GAVE_UP if execution.aborted else None
        if error is not None and error.name == NO_STDIN:
            reason = ASKED_FOR_INPUT
        return TaskEnd(
            state=TaskState.FAILED,
            reason=reason,
            cause=EndCause.RAISED,
            error=error,
            execution_count=count,
        )

    def verdict_without_end(self) -> TaskEnd:
        """How it ended, where the kernel said too little."""
        execution = self.execution
        raised = execution.idle and self.adopted and execution.error is not None
        if execution.reply is not None or raised:
            return self.verdict()
        if self.stopping is not None and self.stopping.interrupts:
            return self.stopping.end()
        if isinstance(self.task, ClientRun) and not self.adopted and not execution.begun:
            return TaskEnd(state=TaskState.FAILED, reason=IGNORED, cause=EndCause.RAISED)
        if execution.idle and not self.adopted:
            return TaskEnd(
                state=TaskState.FAILED,
                reason=NO_REPLY,
                cause=EndCause.RAISED,
                error=execution.error,
            )
        return TaskEnd(
            state=TaskState.LOST, reason=UNHEARD, cause=EndCause.UNHEARD, state_preserved=True
        )

    def stuck(self) -> TaskEnd:
        """How it ends when the kernel is restarted because nothing else stopped it."""
        assert self.stopping is not None  # noqa: S101 - only what is being stopped can be stuck
        return self.stopping.end(by=StoppedBy.RESTART)


def _is_interrupt(error: TaskError) -> bool:
    return "interrupt" in error.name.lower()


def left_running(memory: Recollection, queue: Queue) -> Running | None:
    """What a kernel ran when an earlier agent was last heard of."""
    if memory.running is None:
        return None
    task = queue.take_out(memory.running)
    if task is None:
        task = Assignment(task_id=memory.running, seq=memory.running_seq, code="")
    execution = Execution(memory.running_msg_id or task.task_id)
    execution.raised = memory.raised
    allowance = Allowance(task.output_limit_bytes, kept=memory.kept_bytes)
    ran = (wall_clock() - memory.started_at) / 1_000_000 if memory.started_at else 0.0
    return Running(task, execution, allowance, adopted=True, ran_seconds=max(0.0, ran))
