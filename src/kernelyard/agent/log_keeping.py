"""Keeping the logs of all kernels within their limits: one timer, one look at each log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from kernelyard.agent.kernel_log import KernelLog
from kernelyard.agent.logs import Log

LOOK_SECONDS = 1.0
Bounded = tuple[KernelLog, int]
"""A log and the bytes that may be kept of it; 0 for no limit."""


class LogKeeper:
    """Looks at the logs of the kernels that live, and once more at those that have just ended."""

    def __init__(self, living: Callable[[], Iterable[Bounded]], log: Log) -> None:
        self._living = living
        self._log = log
        self._before: dict[KernelLog, int] = {}

    async def run(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except Exception:  # noqa: BLE001 - one odd log must not leave all others without a limit
                self._log.exception("log.not_looked_at")

    async def look(self) -> None:
        """Free what is over the limits."""
        now = dict(self._living())
        for log, limit in (self._before | now).items():
            if not log.is_over(limit):
                continue
            try:
                await asyncio.to_thread(log.trim, limit)
            except OSError as error:
                self._log.warning("log.not_trimmed", path=str(log.path), problem=str(error))
        self._before = now
