"""The bridge's own sockets to one start of the kernel."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from secrets import token_bytes
from typing import Protocol

import zmq

from kernelyard.agent.channels import BATCH_BYTES, BATCH_MESSAGES, RECONNECT_MS
from kernelyard.agent.logs import Log
from kernelyard.wire.connections import Connection
from kernelyard.wire.multipart import MalformedMessage, Parts, join, split
from kernelyard.wire.signing import Signer

MOST_UNSENT = 100
"""Messages that wait in a socket for a kernel that does not read."""
MOST_LAST_BATCHES = 20
"""Read of a kernel that is left; one that is about to be ended may go on talking."""


class Hearer(Protocol):
    """Whoever takes in what the kernel says. Routing is in the parts' identities."""

    def on_shell(self, parts: Parts) -> None: ...
    def on_control(self, parts: Parts) -> None: ...
    def on_stdin(self, parts: Parts) -> None: ...
    def on_iopub(self, parts: Parts) -> None: ...


class Backend:
    """Shell, control, stdin and iopub of a kernel, as one more client of it."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        connection: Connection,
        *,
        identity: str,
        hearer: Hearer,
        log: Log,
    ) -> None:
        """Connect. A kernel sends prompts on stdin to the identity that asked on shell."""
        signer = Signer(connection.key.encode(), connection.signature_scheme)
        name = identity.encode()

        def drain(kind: int, port: int, deliver: Callable[[Parts], None]) -> Drain:
            made = _socket(context, kind, name)
            if kind == zmq.SUB:
                made.subscribe(b"")
                # Kernels welcome the first to subscribe to a topic; nobody has to this one.
                made.subscribe(b"kernelyard-" + name + token_bytes(4).hex().encode())
            made.connect(connection.url(port))
            return Drain(made, signer, deliver, log)

        self._shell = drain(zmq.DEALER, connection.shell_port, hearer.on_shell)
        self._control = drain(zmq.DEALER, connection.control_port, hearer.on_control)
        self._stdin = drain(zmq.DEALER, connection.stdin_port, hearer.on_stdin)
        self._iopub = drain(zmq.SUB, connection.iopub_port, hearer.on_iopub)

    def send_shell(self, parts: Parts) -> bool:
        """Send a request; False if the kernel does not read and it should be tried later."""
        return self._shell.send(parts)

    def send_control(self, parts: Parts) -> bool:
        """The same on the control channel."""
        return self._control.send(parts)

    def send_stdin(self, parts: Parts) -> bool:
        """The same on the stdin channel."""
        return self._stdin.send(parts)

    def drain(self) -> None:
        """Take in what a kernel that has ended said last, as far as it has arrived."""
        for one in (self._iopub, self._shell, self._control):
            for _ in range(MOST_LAST_BATCHES):
                if not one.now():
                    break

    def close(self) -> None:
        """Close the sockets; nothing is heard afterwards."""
        for one in (self._shell, self._control, self._stdin, self._iopub):
            one.close()


class Drain:
    """Reads one socket through its descriptor, in batches, without ever waiting."""

    def __init__(
        self,
        socket: zmq.Socket[bytes],
        signer: Signer,
        deliver: Callable[[Parts], None],
        log: Log,
    ) -> None:
        self._socket = socket
        self._signer = signer
        self._deliver = deliver
        self._log = log
        self._loop = asyncio.get_running_loop()
        self._descriptor = int(socket.get(zmq.FD))
        self._scheduled = False
        self._closed = False
        self._loop.add_reader(self._descriptor, self.now)
        self._soon()

    def send(self, parts: Parts) -> bool:
        """Send a message, signed for the kernel; return whether there was room for it."""
        try:
            self._socket.send_multipart(join(parts, self._signer), zmq.NOBLOCK)
        except zmq.Again:
            return False
        finally:
            self._look()
        return True

    def now(self) -> int:
        """Read one batch; return how many messages came."""
        count = size = 0
        try:
            while not self._closed and count < BATCH_MESSAGES and size < BATCH_BYTES:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
                count += 1
                size += sum(map(len, frames))
                self._hand_on(frames)
        except zmq.Again:
            self._look()
        else:
            self._soon()
        return count

    def close(self) -> None:
        """Close the socket."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._descriptor)
            self._socket.close(linger=0)

    def _hand_on(self, frames: list[bytes]) -> None:
        try:
            self._deliver(split(frames, self._signer))
        except MalformedMessage as error:
            self._log.warning("channel.malformed", problem=str(error))

    def _look(self) -> None:
        """Read soon if something is there: after a send the descriptor will not say so."""
        if not self._closed and int(self._socket.get(zmq.EVENTS)) & zmq.POLLIN:
            self._soon()

    def _soon(self) -> None:
        if not self._scheduled and not self._closed:
            self._scheduled = True
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        self.now()


def _socket(
    context: zmq.Context[zmq.Socket[bytes]], kind: int, identity: bytes
) -> zmq.Socket[bytes]:
    socket = context.socket(kind)
    socket.linger = 0
    socket.rcvhwm = 0
    socket.sndhwm = MOST_UNSENT
    socket.reconnect_ivl = RECONNECT_MS
    socket.identity = identity
    return socket
