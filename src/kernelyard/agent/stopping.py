"""Stopping a task that runs: an interrupt, a second one, and where it is allowed a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from kernelyard.agent.endings import TaskEnd
from kernelyard.model.records import EndCause, StoppedBy
from kernelyard.model.tasks import Cancellation, TaskError, TaskState

FIRST_INTERRUPT = 0.5
"""Seconds to wait for the kernel to say that it has begun; some never do."""
NEXT_INTERRUPTS = 5.0
"""Seconds between interrupts where a restart is not allowed."""


@dataclass(slots=True)
class Stopping:
    """One task on its way to being stopped. Its owner tells when the task has begun and ended."""

    reason: str
    cause: EndCause
    how: Cancellation
    interrupt: Callable[[], None]
    restart: Callable[[], None]
    futile: bool = False
    """Whether no interrupt can stop what this kernel runs, so that none needs to be waited for."""
    interrupts: int = 0
    """How many were sent."""
    _timer: asyncio.TimerHandle | None = field(default=None, repr=False)
    _again_at: float = 0.0

    def begin(self, *, begun: bool) -> None:
        """Interrupt what has begun; what has not, when it begins."""
        if begun:
            self._step()
        else:
            self._after(FIRST_INTERRUPT)

    def on_begun(self) -> None:
        """The kernel says that it runs the code now."""
        if not self.interrupts:
            self._step()

    def allow(self, how: Cancellation) -> None:
        """Somebody allows more than before: what is overdue by then is done at once."""
        if not how.allow_restart or self.how.allow_restart:
            return
        self.how = how
        if self.futile:
            self._after(0.0)
        elif self.interrupts > 1:
            waited = asyncio.get_running_loop().time() - self._again_at
            self._after(max(0.0, how.grace_seconds - waited))

    def cancel(self) -> None:
        """The task has ended, or its kernel has: nothing more is done."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def end(
        self,
        *,
        by: StoppedBy | None = None,
        error: TaskError | None = None,
        execution_count: int | None = None,
    ) -> TaskEnd:
        """How the task ended: cancelled where somebody asked, failed where a limit stopped it."""
        taken = by or (StoppedBy.SECOND_INTERRUPT if self.interrupts > 1 else StoppedBy.INTERRUPT)
        return TaskEnd(
            state=TaskState.CANCELLED if self.cause is EndCause.ASKED else TaskState.FAILED,
            reason=self.reason,
            cause=self.cause,
            stopped_by=taken,
            state_preserved=taken is not StoppedBy.RESTART,
            error=error,
            execution_count=execution_count,
        )

    def _step(self) -> None:
        self._timer = None
        if (self.interrupts > 1 or self.futile) and self.how.allow_restart:
            # The restart ends the task, and that this timer; should it fail, it is tried again.
            self._after(NEXT_INTERRUPTS)
            self.restart()
            return
        self.interrupts += 1
        self._again_at = asyncio.get_running_loop().time()
        self.interrupt()
        patient = self.interrupts > 1 and not self.how.allow_restart
        self._after(NEXT_INTERRUPTS if patient else self.how.grace_seconds)

    def _after(self, seconds: float) -> None:
        self.cancel()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._step)
