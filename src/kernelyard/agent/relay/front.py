"""One client's end of a relay: frames of the agent link, from and to its server.

Messages are written together as far as they come together. What a client does not read waits in a file
up to a bound; beyond that the client is sent away, with a word why, rather than left without a part.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from kernelyard.agent.relay.spool import Room, Spool
from kernelyard.model.errors import LimitReached, YardError
from kernelyard.wire import websocket, websocket_v1
from kernelyard.wire.framing import Splitter, frame
from kernelyard.wire.link import encode_message, fault_of
from kernelyard.wire.multipart import MalformedMessage

TOO_SLOW = (
    "This client reads more slowly than its kernel speaks; what it missed is kept in the journal."
)


MOST_IN_MEMORY = 1024 * 1024


class Taker(Protocol):
    """Whoever takes in what clients say."""

    def take(self, front: Front, framed: websocket.Framed) -> None:
        """Take in a message. Raises MalformedMessage."""
        ...

    def leave(self, front: Front) -> None:
        """A client has gone."""
        ...


class Front(asyncio.Protocol):
    """One client."""

    def __init__(
        self, author: str, session: str, room: Room, on_nonsense: Callable[[str], None]
    ) -> None:
        """``room`` is for what waits."""
        self.identity = f"{author}\0{session}".encode()
        """Goes with its requests, so that replies find their way back."""
        self.author = author
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._room = room
        self._on_nonsense = on_nonsense
        self._taker: Taker | None = None
        self._splitter = Splitter()
        self._transport: asyncio.Transport | None = None
        self._paused = False
        self._full = False
        """Whether as much waits in memory as may."""
        self._spool: Spool | None = None
        self._leaving = False
        """Whether it is closed as soon as all is sent."""

    def serve(self, transport: asyncio.Transport, taker: Taker) -> None:
        """Take over a connection whose other end has been told so."""
        self._taker = taker
        self._transport = transport
        transport.set_protocol(self)
        transport.set_write_buffer_limits(high=MOST_IN_MEMORY)
        # The reader that had it before may have told it to wait.
        transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            payloads = self._splitter.feed(data)
        except ValueError as error:
            self._on_nonsense(str(error))
            self.abort()
            return
        for payload in payloads:
            if payload:
                self._take(payload)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        if not self.gone.done():
            self.gone.set_result(None)
        if self._spool is not None:
            self._spool.close()
            self._spool = None
        if self._taker is not None:
            self._taker.leave(self)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._send_what_waits()

    def send(self, frames: bytes) -> None:
        """Send whole frames of the link; send the client away if too much waits for it already."""
        if self._leaving or self._transport is None or self._transport.is_closing():
            return
        if not self._write(frames):
            self.dismiss(LimitReached(TOO_SLOW))

    def dismiss(self, why: YardError) -> None:
        """Say why nothing more will come, and close when all is sent."""
        transport = self._transport
        if self._leaving or transport is None or transport.is_closing():
            return
        self._leaving = True
        farewell = frame(encode_message(fault_of(why)))
        if self._spool is None:
            transport.write(farewell)
            transport.close()
        elif not self._spool.write_last(farewell):
            transport.abort()

    def _write(self, frames: bytes) -> bool:
        """Write now, or into the file behind what waits there; return whether there was room."""
        if self._spool is None:
            if not self._full:
                assert self._transport is not None  # noqa: S101 - who sends has one
                self._transport.write(frames)
                return True
            try:
                self._spool = Spool(self._room)
            except OSError:
                return False
        return self._spool.write(frames)

    def _send_what_waits(self) -> None:
        spool, transport = self._spool, self._transport
        if spool is None or transport is None:
            return
        while not self._full and (data := spool.read()):
            transport.write(data)
        if not len(spool):
            spool.close()
            self._spool = None
            if self._leaving:
                transport.close()

    def pause(self) -> None:
        """Take in nothing from it for a while; what it says waits at its end."""
        if self._transport is not None and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Take in again what it says."""
        if self._transport is not None and self._paused and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def abort(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def _take(self, payload: bytes) -> None:
        if self._taker is None or self.gone.done():
            return
        try:
            self._taker.take(self, websocket_v1.decode(payload))
        except MalformedMessage as error:
            self._on_nonsense(str(error))
            answer = websocket.not_understood(str(error))
            self.send(frame(websocket_v1.encode(answer.channel, answer.parts)))
