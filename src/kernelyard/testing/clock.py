"""A clock that tests move themselves."""

from __future__ import annotations

import asyncio
import heapq
import itertools

from kernelyard.model.quantities import Micros

_START = 1_750_000_000_000_000
_TURNS = 20


class FakeClock:
    """Stands still until ``advance`` is called::

    clock = FakeClock()
    sleeping = asyncio.create_task(clock.sleep(60))
    await clock.advance(60)
    assert sleeping.done()
    """

    def __init__(self, start: Micros = _START) -> None:
        self._now = start
        self._order = itertools.count()
        self._sleepers: list[tuple[Micros, int, asyncio.Future[None]]] = []

    @property
    def sleepers(self) -> int:
        """How many sleep at the moment."""
        return sum(not future.done() for _, _, future in self._sleepers)

    def now(self) -> Micros:
        """The time that the clock stands at."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been moved far enough."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        deadline = self._now + round(seconds * 1_000_000)
        heapq.heappush(self._sleepers, (deadline, next(self._order), future))
        await future

    async def advance(self, seconds: float) -> None:
        """Move on, waking sleepers one after the other, each at its own time.

        Those who wake may sleep again and are woken again if their time comes within ``seconds``.
        """
        end = self._now + round(seconds * 1_000_000)
        await _let_others_run()
        while self._sleepers and self._sleepers[0][0] <= end:
            deadline, _, future = heapq.heappop(self._sleepers)
            self._now = max(self._now, deadline)
            if not future.done():
                future.set_result(None)
                await _let_others_run()
        self._now = end
        await _let_others_run()


async def _let_others_run() -> None:
    for _ in range(_TURNS):
        await asyncio.sleep(0)
