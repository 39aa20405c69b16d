"""Noticing that the agent itself stood still: stopped by a signal, or without a turn for long.

Kernels go on meanwhile, and most of them drop output that nobody takes. That must not be a silent hole.
A thread looks at the clock, for the event loop may be late for reasons of its own while ZeroMQ's thread
goes on reading.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

from kernelyard.agent.journal import wall_clock
from kernelyard.model.quantities import Micros

LOOK_SECONDS = 0.25
LONG_SECONDS = 1.0
"""Late by more than this: then nobody read either."""


class Standstill:
    """Tells, in the event loop, from when to when nothing here had run. Use as a context manager."""

    def __init__(self) -> None:
        self.tell: Callable[[Micros, Micros], None] | None = None
        """Called before anything that was said meanwhile is heard."""
        self._loop = asyncio.get_running_loop()
        self._seen, self._seen_at = time.monotonic(), wall_clock()
        self._late: tuple[Micros, Micros] | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="standstill", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def look(self) -> None:
        """Tell of a standstill that has just ended. To be called before reading what has come."""
        late, self._late = self._late, None
        if late is None:
            now = time.monotonic()
            if now - self._seen <= LOOK_SECONDS + LONG_SECONDS:
                return
            late = self._seen_at, wall_clock()
            self._seen, self._seen_at = now, late[1]
        if self.tell is not None:
            self.tell(*late)

    def _watch(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            now, at = time.monotonic(), wall_clock()
            if now - self._seen > LOOK_SECONDS + LONG_SECONDS:
                self._late = self._seen_at, at
                self._loop.call_soon_threadsafe(self.look)
            self._seen, self._seen_at = now, at
