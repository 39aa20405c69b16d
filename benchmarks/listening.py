"""Listeners: followers over plain sockets that cost us next to nothing, and check what they hear.

What they follow prints lines of a number and the time: ``3 1700000000.123``.
"""

from __future__ import annotations

import asyncio
import re
import time
from array import array
from urllib.parse import urlsplit

from benchmarks.running import Server

_NUMBER = re.compile(rb"^id: (\d+)$", re.MULTILINE)
_LINE = re.compile(rb"(\d+) (\d{9,}\.\d+)\\n")
PRINTED = 'print(f"{{{number}}} {{time.time()}}\\n", end="", flush=True)'
"""One write: what is printed in parts may come in parts."""


class Listener(asyncio.Protocol):
    """One follower of one task."""

    def __init__(self, request: bytes) -> None:
        self.lags = array("d")
        """Seconds from printing to hearing, of each line."""
        self.heard = 0
        self.gaps = 0
        """How often something was missing, twice or out of order."""
        self.begun = asyncio.Event()
        self.over = asyncio.get_running_loop().create_future()
        self._request = request
        self._raw = bytearray()
        self._events = bytearray()
        self._last: int | None = None
        self._headed = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Take in what came."""
        self._raw += data
        if not self._headed:
            head, mark, rest = self._raw.partition(b"\r\n\r\n")
            if not mark:
                return
            assert b" 200 " in head.split(b"\r\n")[0], bytes(head)
            self._headed, self._raw = True, rest
            self.begun.set()
        while self._chunk():
            pass
        whole, mark, rest = self._events.rpartition(b"\n\n")
        if mark:
            self._events = rest
            self._take(bytes(whole + mark))

    def connection_lost(self, error: Exception | None) -> None:
        """The server or we have hung up."""
        self.begun.set()
        if not self.over.done():
            self.over.set_exception(error or ConnectionError("the stream was cut"))

    def _chunk(self) -> bool:
        head = self._raw.find(b"\r\n")
        if head < 0:
            return False
        size = int(self._raw[:head], 16)
        end = head + 2 + size
        if len(self._raw) < end + 2:
            return False
        self._events += self._raw[head + 2 : end]
        del self._raw[: end + 2]
        return size > 0

    def _take(self, events: bytes) -> None:
        now = time.time()
        for number in map(int, _NUMBER.findall(events)):
            self.gaps += self._last is not None and number != self._last + 1
            self._last = number
        for number, printed in _LINE.findall(events):
            self.gaps += int(number) != self.heard
            self.heard += 1
            self.lags.append(now - float(printed))
        if events.rfind(b"event: task\n") >= 0 and not self.over.done():
            self.over.set_result(b'"state":"succeeded"' in events)
            self._transport.close()


async def listen(server: Server, task_id: str) -> Listener:
    """Follow a task; return when the server has begun to answer."""
    parts = urlsplit(server.url)
    assert parts.hostname is not None
    assert parts.port is not None
    request = (
        f"GET /v1/tasks/{task_id}/outputs HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Authorization: Bearer {server.token}\r\nAccept: text/event-stream\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    _, listener = await loop.create_connection(
        lambda: Listener(request.encode()), parts.hostname, parts.port
    )
    await listener.begun.wait()
    return listener
