"""A bell within one process."""

from __future__ import annotations

import asyncio
from collections import OrderedDict

TOPICS_REMEMBERED = 10_000


class LocalBell:
    """Rings for the waiters of this event loop. To be used from the loop's thread only.

    Rings are numbered through all topics. Of at most ``remembered`` topics the last ring is known;
    what has been forgotten counts as having rung with the last ring forgotten. So a wait may return
    once too often, and never misses a ring.
    """

    def __init__(self, remembered: int = TOPICS_REMEMBERED) -> None:
        self._remembered = remembered
        self._rings = 0
        self._forgotten = 0
        self._last: OrderedDict[str, int] = OrderedDict()
        self._waiting: dict[str, set[asyncio.Future[bool]]] = {}
        self.muffled = False

    def mark(self, topic: str) -> int:
        """Return the number of the topic's last ring."""
        return self._last.get(topic, self._forgotten)

    def ring(self, topic: str) -> None:
        """Wake everybody who waits for ``topic``."""
        self._rings += 1
        self._last[topic] = self._rings
        self._last.move_to_end(topic)
        if len(self._last) > self._remembered:
            self._forgotten = self._last.popitem(last=False)[1]
        self._wake(topic)

    def ring_here(self, topic: str) -> None:
        """Wake everybody here who waits for ``topic``."""
        LocalBell.ring(self, topic)

    def ring_all(self) -> None:
        """Wake everybody who waits; whoever has taken a mark before does not wait any more."""
        self._rings += 1
        self._last.clear()
        self._forgotten = self._rings
        for topic in list(self._waiting):
            self._wake(topic)

    async def wait(self, topic: str, since: int, timeout: float) -> bool:
        """Wait until ``topic`` has rung since the mark ``since``; False after ``timeout`` seconds."""
        if self.mark(topic) > since or self.muffled:
            return True
        loop = asyncio.get_running_loop()
        future: asyncio.Future[bool] = loop.create_future()
        self._waiting.setdefault(topic, set()).add(future)
        timer = loop.call_later(timeout, _tell, future, False)
        try:
            return await future
        finally:
            timer.cancel()
            self._leave(topic, future)

    def muffle(self) -> None:
        """Wake everybody who waits, now and from now on."""
        self.muffled = True
        for topic in list(self._waiting):
            self.ring(topic)

    def _wake(self, topic: str) -> None:
        for future in self._waiting.pop(topic, ()):
            _tell(future, True)

    def _leave(self, topic: str, future: asyncio.Future[bool]) -> None:
        waiting = self._waiting.get(topic)
        if waiting is not None:
            waiting.discard(future)
            if not waiting:
                del self._waiting[topic]


def _tell(future: asyncio.Future[bool], rang: bool) -> None:
    if not future.done():
        future.set_result(rang)
