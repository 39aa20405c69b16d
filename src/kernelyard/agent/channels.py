"""The ZeroMQ sockets to one kernel.

Reading never waits for anybody: messages are handed on in batches, and the high-water marks are off, for
ZeroMQ drops in silence at its mark.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from secrets import token_hex
from typing import Protocol

import zmq
from zmq.utils.monitor import parse_monitor_message

from kernelyard.agent.draining import Drain
from kernelyard.agent.logs import Log
from kernelyard.wire.connections import Connection
from kernelyard.wire.messages import Message, read_header
from kernelyard.wire.multipart import MalformedMessage, Parts, WronglySigned, join, split
from kernelyard.wire.signing import Signer

RECONNECT_MS = 10
_DISCONNECTED = zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED | zmq.EVENT_CONNECT_RETRIED


class Listener(Protocol):
    """Whoever wants to hear a kernel."""

    def on_shell(self, messages: list[Message]) -> None: ...
    def on_control(self, messages: list[Message]) -> None: ...
    def on_stdin(self, messages: list[Message]) -> None: ...
    def on_iopub(self, messages: list[Message]) -> None: ...
    def on_wrongly_signed(self) -> None: ...


class Channels:
    """Shell, control, stdin and iopub of one kernel."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        connection: Connection,
        *,
        identity: str,
        listener: Listener,
        log: Log,
    ) -> None:
        """Connect. The kernel need not be there yet; what is sent waits for it.

        A later connection with the same ``identity`` gets the replies to what this one asked. Raises
        ValueError for a way of signing that is not known.
        """
        self.closed = False
        signer = Signer(connection.key.encode(), connection.signature_scheme)
        self._iopub = _socket(context, zmq.SUB)
        self._iopub.subscribe(b"")
        # A kernel may greet a topic only when nobody had it before (JEP 65), so this one is new. The
        # greeting comes behind the subscription to everything, and proves that one, too.
        self._iopub.subscribe(f"kernelyard-{identity}-{token_hex(4)}".encode())
        self._shell = _socket(context, zmq.DEALER, identity)
        self._control = _socket(context, zmq.DEALER, identity)
        # Kernels send prompts to whoever has the identity that asked on shell.
        self._stdin = _socket(context, zmq.DEALER, identity)
        deliveries = (
            (self._iopub, listener.on_iopub),
            (self._shell, listener.on_shell),
            (self._control, listener.on_control),
            (self._stdin, listener.on_stdin),
        )
        self._drains = [
            Drain(socket, _Reader(signer, listener.on_wrongly_signed, log).read, deliver)
            for socket, deliver in deliveries
        ]
        self._signer = signer
        self._iopub.connect(connection.url(connection.iopub_port))
        self._shell.connect(connection.url(connection.shell_port))
        self._control.connect(connection.url(connection.control_port))
        self._stdin.connect(connection.url(connection.stdin_port))
        for drain in self._drains:
            drain.begin()

    def send_shell(self, parts: Parts) -> None:
        """Send a request on the shell channel."""
        self._shell.send_multipart(join(parts, self._signer), zmq.NOBLOCK)
        self._drains[1].look()

    def send_control(self, parts: Parts) -> None:
        """Send a request on the control channel."""
        self._control.send_multipart(join(parts, self._signer), zmq.NOBLOCK)
        self._drains[2].look()

    def send_stdin(self, parts: Parts) -> None:
        """Send the answer to a prompt."""
        self._stdin.send_multipart(join(parts, self._signer), zmq.NOBLOCK)
        self._drains[3].look()

    async def drain_to_end(self, *, quiet: float = 0.5, most: float = 10.0) -> None:
        """Read what a kernel that has ended said last.

        Ends when its end of the iopub connection is closed and everything before that was read, or
        after ``quiet`` seconds without a message if something keeps the connection open.
        """
        loop = asyncio.get_running_loop()
        monitor = self._iopub.get_monitor_socket(_DISCONNECTED)
        begin = heard = loop.time()
        try:
            while loop.time() - heard < quiet and loop.time() - begin < most:
                closed = _has_event(monitor)
                count = sum(drain.now() for drain in self._drains)
                if count:
                    heard = loop.time()
                elif closed:
                    return
                await asyncio.sleep(0 if count or closed else 0.005)
        finally:
            self._iopub.disable_monitor()
            monitor.close()

    def close(self) -> None:
        """Close the sockets; nothing is heard afterwards."""
        if self.closed:
            return
        self.closed = True
        for drain in self._drains:
            drain.end()


class _Reader:
    """Takes messages of one socket apart, and passes over those that are not good."""

    def __init__(self, signer: Signer, distrust: Callable[[], None], log: Log) -> None:
        self._signer = signer
        self._distrust = distrust
        self._log = log
        self._parent = b""
        self._parent_id = ""

    def read(self, frames: list[bytes]) -> Message | None:
        try:
            parts = split(frames, self._signer)
            header = read_header(parts.header)
            if parts.parent != self._parent:
                # Outputs of one execution carry the same parent header, byte for byte.
                self._parent_id = read_header(parts.parent).msg_id
                self._parent = parts.parent
        except MalformedMessage as error:
            self._log.warning("channel.malformed", problem=str(error))
            if isinstance(error, WronglySigned):
                self._distrust()
            return None
        return Message(header.msg_type, header.msg_id, self._parent_id, parts.content, parts)


def _socket(
    context: zmq.Context[zmq.Socket[bytes]], kind: int, identity: str | None = None
) -> zmq.Socket[bytes]:
    socket = context.socket(kind)
    socket.linger = 0
    socket.rcvhwm = 0
    socket.sndhwm = 0
    socket.reconnect_ivl = RECONNECT_MS
    if identity is not None:
        socket.identity = identity.encode()
    return socket


def _has_event(monitor: zmq.Socket[bytes]) -> bool:
    seen = False
    while monitor.poll(0):
        parse_monitor_message(monitor.recv_multipart(zmq.NOBLOCK))
        seen = True
    return seen
