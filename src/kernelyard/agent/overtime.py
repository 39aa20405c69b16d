"""Watching the limits of the task that runs: how long it may run, and how long it may say nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kernelyard.agent.endings import silence_reason, time_reason
from kernelyard.agent.running import Running
from kernelyard.model.records import EndCause

ADOPTED_SECONDS = 3.0
"""So long a kernel that was found again has to say that what it ran has ended meanwhile."""
DOUBT_SECONDS = 0.2
"""What the kernel had said in time may still lie in a socket, after the agent itself was held up."""


class Overtime:
    """Tells once when a task goes over a limit of its own."""

    def __init__(self, run: Running, tell: Callable[[Running, EndCause, str], None]) -> None:
        self._run = run
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time() - run.ran_seconds
        self._earliest = self._loop.time() + (ADOPTED_SECONDS if run.adopted else 0.0)
        self._timer: asyncio.TimerHandle | None = None
        self._doubted = False
        self._look()

    def cancel(self) -> None:
        """The task has ended."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        limits, now = self._run.task.limits, self._loop.time()
        left: list[tuple[float, EndCause, str]] = []
        if limits.time_seconds:
            due = self._began + limits.time_seconds
            left.append((due - now, EndCause.TIME_LIMIT, time_reason(limits)))
        if limits.silence_seconds:
            due = self._run.said_at + limits.silence_seconds
            left.append((due - now, EndCause.SILENCE_LIMIT, silence_reason(limits)))
        if not left:
            return
        seconds, cause, reason = min(left, key=lambda one: one[0])
        seconds = max(seconds, self._earliest - now)
        if seconds > 0:
            self._doubted = False
            self._timer = self._loop.call_later(seconds, self._look)
        elif not self._doubted:
            self._doubted = True
            self._timer = self._loop.call_later(DOUBT_SECONDS, self._look)
        else:
            self._timer = None
            self._tell(self._run, cause, reason)
