"""One connection to an agent: a request and its reply, or a reply and a stream of frames after it."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from kernelyard.model.errors import AgentUnavailable
from kernelyard.wire.framing import Splitter, frame
from kernelyard.wire.link import (
    Reply,
    Request,
    decode_reply,
    encode_message,
)


class Taker(Protocol):
    """Who is told of what a connection brings, as it comes."""

    def take(self, payloads: list[bytes]) -> None:
        """These frames have come, at least one."""
        ...

    def fail(self, error: AgentUnavailable) -> None:
        """No more will come."""
        ...


class Connection(asyncio.Protocol):
    """One connection to an agent."""

    def __init__(self) -> None:
        self._splitter = Splitter()
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[bytes] | None = None
        self._taker: Taker | None = None
        self._early: list[bytes] = []
        """What came with a reply, before there was a taker."""
        self._error: AgentUnavailable | None = None

    @classmethod
    async def open(cls, path: str) -> Connection:
        """Connect to the unix socket ``path``. Raises AgentUnavailable."""
        try:
            _, connection = await asyncio.get_running_loop().create_unix_connection(cls, path)
        except OSError as error:
            raise AgentUnavailable(detail=f"{path}: {error}") from error
        return connection

    async def call(self, request: Request, seconds: float | None = None) -> Reply:
        """Send a request and return its reply, one at a time.

        Raises AgentUnavailable, and TimeoutError if there is none after ``seconds``.
        """
        if self._error is not None or self._transport is None or self._early:
            raise self._error or AgentUnavailable(detail="the connection is not at rest")
        loop = asyncio.get_running_loop()
        answer = self._answer = loop.create_future()
        timer = None if seconds is None else loop.call_later(seconds, _give_up, answer)
        try:
            self._transport.write(frame(encode_message(request)))
            return decode_reply(await answer)
        finally:
            self._answer = None
            if timer is not None:
                timer.cancel()

    def stream_to(self, taker: Taker) -> None:
        """Give ``taker`` all frames from now on, and those that came with the last reply."""
        self._taker = taker
        early, self._early = self._early, []
        if early:
            self.resume()
            taker.take(early)
        if self._error is not None:
            taker.fail(self._error)

    def pause(self) -> None:
        """Read no further; the agent has to wait."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    @property
    def ended(self) -> bool:
        """Whether no request can be sent: the other side has closed it, as far as is known."""
        if self._transport is None or self._early:
            return True
        return self._error is not None or self._transport.is_closing()

    def close(self) -> None:
        """Close; nothing more is read."""
        self._taker = None
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
        if payloads and self._answer is not None and not self._answer.done():
            self._answer.set_result(payloads.pop(0))
        if not payloads:
            return
        if self._taker is not None:
            self._taker.take(payloads)
            return
        self._early += payloads
        self.pause()

    def connection_lost(self, error: Exception | None) -> None:
        self._finish(AgentUnavailable(detail=f"the agent has hung up: {error!r}"))

    def _finish(self, error: AgentUnavailable) -> None:
        if self._error is not None:
            return
        self._error = error
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        if self._taker is not None:
            self._taker.fail(error)


def _give_up(answer: asyncio.Future[bytes]) -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())
