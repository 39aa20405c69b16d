"""Followers over plain sockets: cheap enough for hundreds, and able not to read at all."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_ROOM = 65536


@dataclass
class Told:
    """What a follower was sent."""

    numbers: list[int] = field(default_factory=list)
    text: str = ""
    end: str | None = None
    """The word of the event with which the stream ended; None if it was cut."""


class RawFollower:
    """One follower of a task. Nothing is read before ``read_on``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.told = Told()
        self._texts: list[str] = []

    @classmethod
    async def of(
        cls, url: str, token: str, task_id: str, *, room: int | None = None
    ) -> RawFollower:
        """Ask for the events of a task, with ``room`` bytes for what was not read yet."""
        parts = urlsplit(url)
        assert parts.hostname is not None
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if room is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
        connection.setblocking(False)
        address = (parts.hostname, parts.port or 80)
        await asyncio.get_running_loop().sock_connect(connection, address)
        reader, writer = await asyncio.open_connection(sock=connection, limit=room or _ROOM)
        writer.write(
            f"GET /v1/tasks/{task_id}/outputs HTTP/1.1\r\nHost: {parts.netloc}\r\n"
            f"Authorization: Bearer {token}\r\nAccept: text/event-stream\r\n\r\n".encode()
        )
        return cls(reader, writer)

    async def read_on(self) -> Told:
        """Read to the end of the stream and hang up."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in head.split(b"\r\n")[0], head
            kind = ""
            async for line in self._lines():
                name, _, value = line.partition(b": ")
                if name == b"event":
                    kind = value.decode()
                elif name == b"id":
                    self.told.numbers.append(int(value))
                elif name == b"data" and kind == "stream":
                    self._texts.append(json.loads(value)["content"]["text"])
                elif name == b"data" and kind == "task":
                    self.told.end = json.loads(value)["state"]
            self.told.text = "".join(self._texts)
            return self.told
        finally:
            self.hang_up()

    async def _lines(self) -> AsyncIterator[bytes]:
        """The lines of a body in chunks."""
        left = b""
        while size := int(await self._reader.readline(), 16):
            chunk = await self._reader.readexactly(size + 2)
            *lines, left = (left + chunk[:-2]).split(b"\n")
            for line in lines:
                yield line

    def hang_up(self) -> None:
        """Close the connection."""
        self._writer.close()
