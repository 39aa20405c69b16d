"""Reading a journal behind its writer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from kernelyard.agent.journal import Reading


async def follow(
    reading: Reading, *, alive_seconds: float, gone: asyncio.Future[bytes]
) -> AsyncGenerator[bytes, None]:
    """Yield chunks of whole encoded records from where ``reading`` stands, as they are written.

    Yields an empty chunk when nothing happened for a while: ``alive_seconds`` at least and twice that
    at most. Ends after the journal's last record, when the journal is closed under it, or when
    ``gone`` is done; then ``reading`` is closed.
    """
    journal = reading.journal
    bell = _Bell(alive_seconds)
    journal.listeners.add(bell.ring)
    gone.add_done_callback(bell.ring)
    try:
        while journal.is_open and not gone.done():
            bell.forget()
            while chunk := reading.next():
                yield chunk
            if journal.closed:
                return
            if not await bell.rings():
                yield b""
    finally:
        bell.close()
        gone.remove_done_callback(bell.ring)
        journal.listeners.discard(bell.ring)
        reading.close()


class _Bell:
    """Rings when there is something to look at, and strikes when there was nothing for long.

    One timer ticks along, whatever happens; a fresh one per record would cost more than the record.
    """

    def __init__(self, seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._seconds = seconds
        self._rung = False
        self._busy = False
        self._waiter: asyncio.Future[bool] | None = None
        self._timer = self._loop.call_later(seconds, self._tick)

    def ring(self, _: object = None) -> None:
        self._rung = self._busy = True
        self._wake(True)

    def forget(self) -> None:
        """Forget earlier rings. Call this before looking, not after."""
        self._rung = False

    async def rings(self) -> bool:
        """Wait for a ring; False if there was none for long."""
        if self._rung:
            return True
        self._waiter = self._loop.create_future()
        try:
            return await self._waiter
        finally:
            self._waiter = None

    def close(self) -> None:
        self._timer.cancel()

    def _tick(self) -> None:
        if not self._busy:
            self._wake(False)
        self._busy = False
        self._timer = self._loop.call_later(self._seconds, self._tick)

    def _wake(self, rung: bool) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(rung)
