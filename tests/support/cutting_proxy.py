"""A proxy between client and server that cuts every connection again and again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit


class CuttingProxy:
    """Passes bytes on until it cuts all connections, in the middle of whatever is said."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        assert parts.port is not None
        self._host, self._port = parts.hostname, parts.port
        self._writers: set[asyncio.StreamWriter] = set()
        self._idle = asyncio.Event()
        self.url = ""
        self.cuts = 0
        """How many connections were cut."""

    def cut(self) -> None:
        """Cut every connection, without a farewell."""
        for writer in list(self._writers):
            self.cuts += 1
            writer.transport.abort()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self._writers.add(writer)
        try:
            its_reader, its_writer = await asyncio.open_connection(self._host, self._port)
            ways = (_passed_on(reader, its_writer), _passed_on(its_reader, writer))
            # When the one way has ended it closes the other's connection, so that both end.
            await asyncio.gather(*ways)
        finally:
            writer.close()
            self._writers.discard(writer)
            if not self._writers:
                self._idle.set()

    async def idle(self) -> None:
        """Wait until no connection is left."""
        while self._writers:
            self._idle.clear()
            await self._idle.wait()


async def _passed_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        with suppress(ConnectionError):
            while part := await reader.read(65536):
                writer.write(part)
                await writer.drain()
    finally:
        writer.close()


@asynccontextmanager
async def cutting_proxy(url: str, *, every: float) -> AsyncIterator[CuttingProxy]:
    """A proxy to ``url`` that cuts every ``every`` seconds."""
    proxy = CuttingProxy(url)
    server = await asyncio.start_server(proxy.connected, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    loop = asyncio.get_running_loop()
    timer: asyncio.TimerHandle | None = None

    def cut_again() -> None:
        nonlocal timer
        proxy.cut()
        timer = loop.call_later(every, cut_again)

    timer = loop.call_later(every, cut_again)
    try:
        yield proxy
    finally:
        timer.cancel()
        server.close()
        proxy.cut()
        await proxy.idle()
        await server.wait_closed()
