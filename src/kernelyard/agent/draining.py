"""Reading a ZeroMQ socket through its descriptor in the event loop, without ever waiting.

A ZeroMQ descriptor tells only of changes, so every wake-up reads until nothing is left, and every
send is followed by a look for what arrived meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

import zmq

BATCH_MESSAGES = 500
BATCH_BYTES = 4 * 1024 * 1024
T = TypeVar("T")


class Drain(Generic[T]):
    """Reads one socket until it is empty and hands its messages on, batch by batch."""

    def __init__(
        self,
        socket: zmq.Socket[bytes],
        read: Callable[[list[bytes]], T | None],
        deliver: Callable[[list[T]], None],
    ) -> None:
        """``read`` makes something of the frames of a message, or None if it is passed over."""
        self._socket = socket
        self._read = read
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._descriptor = int(socket.get(zmq.FD))
        self._scheduled = False
        self._ended = False

    def begin(self) -> None:
        """Read from now on."""
        self._loop.add_reader(self._descriptor, self.now)
        self.soon()

    def end(self) -> None:
        """Read no more, and close the socket."""
        if not self._ended:
            self._ended = True
            self._loop.remove_reader(self._descriptor)
            self._socket.close(linger=0)

    def soon(self) -> None:
        """Read in the next turn of the loop."""
        if not self._scheduled and not self._ended:
            self._scheduled = True
            self._loop.call_soon(self._turn)

    def look(self) -> None:
        """Read soon if something came since the last read: the descriptor will not say so."""
        if not self._ended and int(self._socket.get(zmq.EVENTS)) & zmq.POLLIN:
            self.soon()

    def now(self) -> int:
        """Read one batch; return how many messages came, whether they were good or not."""
        if self._ended:
            return 0
        messages: list[T] = []
        count = size = 0
        receive = self._socket.recv_multipart
        try:
            while count < BATCH_MESSAGES and size < BATCH_BYTES:
                frames = receive(zmq.NOBLOCK)
                count += 1
                if (message := self._read(frames)) is not None:
                    size += sum(map(len, frames))
                    messages.append(message)
        except zmq.Again:
            pass
        else:
            self.soon()
        if messages:
            self._deliver(messages)
            self.look()
        return count

    def _turn(self) -> None:
        self._scheduled = False
        self.now()
