"""The bridge's own sockets to one start of the kernel."""

from __future__ import annotations

from collections.abc import Callable
from secrets import token_hex
from typing import Protocol

import zmq

from kernelyard.agent.channels import RECONNECT_MS
from kernelyard.agent.draining import Drain
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

        def channel(kind: int, port: int, deliver: Callable[[Parts], None]) -> _Channel:
            socket = _socket(context, kind, name)
            if kind == zmq.SUB:
                socket.subscribe(b"")
                # Kernels welcome the first to subscribe to a topic; nobody has to this one.
                socket.subscribe(f"kernelyard-{identity}-{token_hex(4)}".encode())
            socket.connect(connection.url(port))
            return _Channel(socket, signer, deliver, log)

        self._shell = channel(zmq.DEALER, connection.shell_port, hearer.on_shell)
        self._control = channel(zmq.DEALER, connection.control_port, hearer.on_control)
        self._stdin = channel(zmq.DEALER, connection.stdin_port, hearer.on_stdin)
        self._iopub = channel(zmq.SUB, connection.iopub_port, hearer.on_iopub)

    def send_shell(self, parts: Parts) -> bool:
        """Send a request; False if the kernel does not read and it should be tried later."""
        return self._shell.send(parts)

    def send_control(self, parts: Parts) -> bool:
        """The same on the control channel."""
        return self._control.send(parts)

    def send_stdin(self, parts: Parts) -> bool:
        """The same on the stdin channel."""
        return self._stdin.send(parts)

    def read_last(self) -> None:
        """Take in what a kernel that has ended said last, as far as it has arrived."""
        for one in (self._iopub, self._shell, self._control):
            one.read_last()

    def close(self) -> None:
        """Close the sockets; nothing is heard afterwards."""
        for one in (self._shell, self._control, self._stdin, self._iopub):
            one.close()


class _Channel:
    """One socket, with the kernel's signature on what goes out and checked on what comes in."""

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
        self._drain = Drain(socket, self._read, self._hand_on)
        self._drain.begin()

    def send(self, parts: Parts) -> bool:
        """Send a message; return whether there was room for it."""
        try:
            self._socket.send_multipart(join(parts, self._signer), zmq.NOBLOCK)
        except zmq.Again:
            return False
        finally:
            self._drain.look()
        return True

    def read_last(self) -> None:
        for _ in range(MOST_LAST_BATCHES):
            if not self._drain.now():
                return

    def close(self) -> None:
        self._drain.end()

    def _read(self, frames: list[bytes]) -> Parts | None:
        try:
            return split(frames, self._signer)
        except MalformedMessage as error:
            self._log.warning("channel.malformed", problem=str(error))
            return None

    def _hand_on(self, batch: list[Parts]) -> None:
        for parts in batch:
            try:
                self._deliver(parts)
            except MalformedMessage as error:
                self._log.warning("channel.malformed", problem=str(error))


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
