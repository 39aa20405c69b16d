"""Reading a journal behind its writer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from kernelyard.agent.journal import Journal


async def follow(
    journal: Journal, after: int, *, alive_seconds: float, gone: asyncio.Future[bytes]
) -> AsyncIterator[bytes]:
    """Yield chunks of whole encoded records that come after number ``after``, as they are written.

    Yields an empty chunk when nothing happened for ``alive_seconds``. Ends after the journal's last
    record, when the journal is closed under it, or when ``gone`` is done. Raises Invalid.
    """
    offset = journal.offset_after(after)
    while journal.is_open and not gone.done():
        growth = journal.growth()
        while chunk := journal.read(offset):
            offset += len(chunk)
            yield chunk
        if journal.closed:
            return
        while not growth.done() and not gone.done():
            await asyncio.wait(
                (growth, gone), timeout=alive_seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if not growth.done() and not gone.done():
                yield b""
