"""The server's end of a relay: one client's messages to and from a kernel, over a connection of its own."""

from __future__ import annotations

import asyncio
from typing import cast

from kernelyard.model.errors import AgentUnavailable, YardError
from kernelyard.wire.framing import Splitter, frame
from kernelyard.wire.link import Done, Fault, decode_reply, encode_message, error_of
from kernelyard.wire.relaying import Relay

MOST_WAITING_BYTES = 1024 * 1024
"""Bytes read ahead of a client that does not take them; what is beyond waits at the agent."""
ANSWER_SECONDS = 30.0
_FAULT = b'{"'
_COUNT, _SMALL = slice(4, 8), bytes(4)
"""A message begins with its number of parts, of which the upper half is zeros; a fault is text."""


class RelayLine(asyncio.Protocol):
    """See ``ports.agent_link.RelayLine``."""

    def __init__(self) -> None:
        self._splitter = Splitter()
        self._transport: asyncio.Transport | None = None
        self._answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._payloads: list[bytes] = []
        self._bytes = 0
        self._news = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._paused = False
        self._end: YardError | None = None

    @classmethod
    async def open(cls, path: str, request: Relay) -> RelayLine:
        """Connect to the agent behind a unix socket. Raises AgentUnavailable, and what it answers."""
        line: RelayLine | None = None
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                _, line = await asyncio.get_running_loop().create_unix_connection(cls, path)
                line.send(encode_message(request))
                reply = decode_reply(await asyncio.shield(line._answered))  # noqa: SLF001 - its own
        except (OSError, TimeoutError) as error:
            if line is not None:
                line.close()
            raise AgentUnavailable(detail=f"{path}: {error!r}") from error
        except BaseException:
            if line is not None:
                line.close()
            raise
        if isinstance(reply, Done):
            return line
        line.close()
        raise error_of(reply) if isinstance(reply, Fault) else AgentUnavailable

    async def next(self) -> list[bytes]:
        """Return the messages that have come, at least one; raise when no more will come."""
        while not self._payloads:
            if self._end is not None:
                raise self._end
            self._news.clear()
            await self._news.wait()
        payloads, self._payloads, self._bytes = self._payloads, [], 0
        if self._paused and self._transport is not None and self._end is None:
            self._paused = False
            self._transport.resume_reading()
        return payloads

    def send(self, payload: bytes) -> None:
        """Send a message."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(frame(payload))

    @property
    def full(self) -> bool:
        """Whether the agent does not read."""
        return not self._writable.is_set()

    async def drain(self) -> None:
        """Wait while the agent does not read."""
        await self._writable.wait()

    def close(self) -> None:
        """Hang up."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            payloads = self._splitter.feed(data)
        except ValueError as error:
            self._finish(AgentUnavailable(detail=str(error)))
            self.close()
            return
        for payload in payloads:
            self._take(payload)
        if self._bytes >= MOST_WAITING_BYTES and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._news.set()

    def connection_lost(self, error: Exception | None) -> None:
        self._finish(AgentUnavailable(detail=f"the agent has hung up: {error!r}"))
        self._writable.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _take(self, payload: bytes) -> None:
        if not self._answered.done():
            self._answered.set_result(payload)
        elif payload.startswith(_FAULT) and payload[_COUNT] != _SMALL:
            reply = decode_reply(payload)
            self._finish(error_of(reply) if isinstance(reply, Fault) else AgentUnavailable())
        else:
            self._payloads.append(payload)
            self._bytes += len(payload)

    def _finish(self, why: YardError) -> None:
        self._end = self._end or why
        if not self._answered.done():
            self._answered.set_exception(why)
            # Whoever waits for it hears of it; nobody may.
            self._answered.exception()
        self._news.set()
