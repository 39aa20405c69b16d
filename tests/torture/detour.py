"""A unix socket between server and agent that can be cut, stalled, and cut in the middle of a frame."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

_CHUNK = 65536


class Detour:
    """Hands on every byte in both directions until it is told otherwise. Runs in a thread."""

    def __init__(self, place: Path, agent: Path) -> None:
        self._place = place
        self._agent = agent
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._open: set[asyncio.StreamWriter] = set()
        self._flowing = asyncio.Event()
        self._refusing = False
        self._torn = False

    def start(self) -> None:
        """Listen."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(10)

    def close(self) -> None:
        """Cut everything and stop listening."""
        asyncio.run_coroutine_threadsafe(self._shut(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self._place.unlink(missing_ok=True)

    def cut(self) -> None:
        """Cut every connection now; new ones are refused until ``mend``."""
        self._loop.call_soon_threadsafe(self._cut)

    def stall(self) -> None:
        """Hold back every byte until ``mend``; nobody is told."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def tear(self) -> None:
        """Hand on half of what comes next on each connection, then cut it."""
        self._loop.call_soon_threadsafe(setattr, self, "_torn", True)

    def mend(self) -> None:
        """Let everything through again."""
        self._loop.call_soon_threadsafe(self._mend)

    async def _listen(self) -> None:
        self._flowing.set()
        self._server = await asyncio.start_unix_server(self._connected, self._place)

    async def _shut(self) -> None:
        self._server.close()
        self._cut()
        others = asyncio.all_tasks(self._loop) - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _cut(self) -> None:
        self._refusing = True
        self._flowing.set()
        for writer in self._open:
            writer.transport.abort()

    def _mend(self) -> None:
        self._refusing = self._torn = False
        self._flowing.set()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        try:
            there = await asyncio.open_unix_connection(self._agent)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, there[1]}
        self._open |= ends
        ways = [self._carry(reader, there[1]), self._carry(there[0], writer)]
        tasks = [asyncio.ensure_future(way) for way in ways]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._open -= ends
            for end in ends:
                end.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK):
            await self._flowing.wait()
            torn = self._torn
            writer.write(data[: len(data) // 2] if torn else data)
            await writer.drain()
            if torn:
                return
