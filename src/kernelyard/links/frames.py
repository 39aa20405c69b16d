"""Frames of the agent link on asyncio streams."""

from __future__ import annotations

import asyncio

from kernelyard.model.errors import AgentUnavailable
from kernelyard.wire.framing import LENGTH_SIZE, frame_length
from kernelyard.wire.framing import frame as framed
from kernelyard.wire.link import (
    Reply,
    Request,
    decode_reply,
    encode_message,
)

_READ_LIMIT = 4 * 1024 * 1024


class Connection:
    """One connection to an agent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, path: str) -> Connection:
        """Connect to the unix socket ``path``. Raises AgentUnavailable."""
        try:
            return cls(*await asyncio.open_unix_connection(path, limit=_READ_LIMIT))
        except OSError as error:
            raise AgentUnavailable(detail=f"{path}: {error}") from error

    async def read_frame(self) -> bytes:
        """Return the next frame. Raises AgentUnavailable when the connection ends."""
        try:
            head = await self._reader.readexactly(LENGTH_SIZE)
            return await self._reader.readexactly(frame_length(head))
        except (OSError, EOFError, ValueError) as error:
            raise AgentUnavailable(detail=repr(error)) from error

    async def send(self, request: Request) -> None:
        """Send a request. Raises AgentUnavailable."""
        try:
            self._writer.write(framed(encode_message(request)))
            await self._writer.drain()
        except OSError as error:
            raise AgentUnavailable(detail=repr(error)) from error

    async def call(self, request: Request) -> Reply:
        """Send a request and return its reply. Raises AgentUnavailable."""
        await self.send(request)
        return decode_reply(await self.read_frame())

    @property
    def ended(self) -> bool:
        """Whether the other side has closed the connection, as far as is known."""
        return self._reader.at_eof() or self._writer.is_closing()

    def close(self) -> None:
        """Close; pending bytes are dropped."""
        self._writer.close()
