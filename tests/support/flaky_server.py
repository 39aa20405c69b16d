"""A small HTTP server that misbehaves as it is told: cuts, repeats, stalls, refuses."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Request:
    """What the client asked."""

    method: str
    raw_path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return unquote(self.raw_path)

    @property
    def json(self) -> object:
        return json.loads(self.body)

    @property
    def after(self) -> int:
        """The number to go on after; the header wins, as the specification of events has it."""
        return int(self.headers.get("last-event-id") or self.query.get("after", ["0"])[0])


@dataclass(frozen=True)
class Reply:
    """What the server says, and how it fails while saying it."""

    body: bytes = b""
    status: int = 200
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None
    """Bytes of the body after which the connection breaks; None to say all."""
    chunked: bool = False
    """Chunked, so that a cut is seen; otherwise an end of the connection looks like the end."""
    stall: bool = False
    """Say no more after the body and keep the connection open until the server stops."""


HANG_UP = Reply(cut=-1)
"""The connection breaks before any answer."""
Answer = Callable[[Request], Reply]


class FlakyServer:
    """Answers each request with what ``answer`` returns and remembers all of them."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[Request] = []
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(10)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(10)
        self._loop.close()

    def asked(self, method: str, path: str) -> list[Request]:
        """The requests of this kind so far."""
        return [one for one in self.requests if (one.method, one.path) == (method, path)]

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        running: set[asyncio.Task[None]] = set()

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            running.add(task)
            try:
                await self._converse(reader, writer)
            except (ConnectionError, asyncio.IncompleteReadError):
                pass
            finally:
                running.discard(task)
                writer.close()

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._stopping.wait()
        server.close()
        if running:
            await asyncio.wait(running, timeout=5)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, target, _ = head[0].split(" ")
        pairs = (line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        parts = urlsplit(target)
        query = parse_qs(parts.query, keep_blank_values=True)
        request = Request(method, parts.path, query, headers, body)
        self.requests.append(request)
        await self._say(writer, self.answer(request))

    async def _say(self, writer: asyncio.StreamWriter, reply: Reply) -> None:
        if reply is HANG_UP:
            return
        lines = [f"HTTP/1.1 {reply.status} Whatever", "Connection: close"]
        if reply.body or reply.status != 204:
            lines.append(f"Content-Type: {reply.content_type}")
        if reply.chunked:
            lines.append("Transfer-Encoding: chunked")
        elif not reply.stall and not reply.content_type.startswith("text/event-stream"):
            lines.append(f"Content-Length: {len(reply.body)}")
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        writer.write("\r\n".join([*lines, "", ""]).encode())
        body = reply.body if reply.cut is None else reply.body[: reply.cut]
        if reply.chunked:
            if body:
                writer.write(b"%x\r\n%b\r\n" % (len(body), body))
            if reply.cut is None and not reply.stall:
                writer.write(b"0\r\n\r\n")
        else:
            writer.write(body)
        await writer.drain()
        if reply.stall:
            await self._stopping.wait()


@contextmanager
def flaky_server(answer: Answer) -> Iterator[FlakyServer]:
    """Run a server for the time of a block."""
    server = FlakyServer(answer)
    server.start()
    try:
        yield server
    finally:
        server.stop()
