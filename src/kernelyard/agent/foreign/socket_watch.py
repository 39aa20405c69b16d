"""Watching whether a kernel still listens, by a connection that nothing is sent on.

The system closes a kernel's end of it within milliseconds of the kernel's death, whoever has started
the kernel and whatever it runs.
"""

from __future__ import annotations

import asyncio

import zmq
from zmq.utils.monitor import parse_monitor_message

from kernelyard.agent.foreign.reaching import Unreachable, is_local, reach
from kernelyard.wire.connections import Connection

RECONNECT_MS = 10
REMOTE_GRACE_SECONDS = 5.0
"""How long a kernel on another machine, or behind a tunnel, may be away and come back."""
LOCAL_GRACE_SECONDS = 1.0
"""How long somebody may listen at a kernel's address and not take part in its protocol."""
_HEARTBEAT_MS = 5_000
_HEARTBEAT_TIMEOUT_MS = 15_000
_EVENTS = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
_LOOK_SECONDS = 0.01


class SocketWatch:
    """A connection to a kernel's control socket."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], connection: Connection) -> None:
        self._connection = connection
        self._local = is_local(connection)
        self._changed = asyncio.Event()
        self._up: bool | None = None
        """Whether there is a connection; None before the first."""
        socket = context.socket(zmq.DEALER)
        socket.linger = 0
        socket.reconnect_ivl = RECONNECT_MS
        socket.ipv6 = True
        if not self._local:
            # Here nobody closes the connection when a machine or a network goes.
            socket.heartbeat_ivl = _HEARTBEAT_MS
            socket.heartbeat_timeout = _HEARTBEAT_TIMEOUT_MS
        self._socket = socket
        self._monitor = socket.get_monitor_socket(_EVENTS)
        self._descriptor = int(self._monitor.get(zmq.FD))
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._read)
        socket.connect(connection.url(connection.control_port))
        self._loop.call_soon(self._read)

    async def gone(self) -> None:
        """Wait until nobody listens there any more."""
        while True:
            self._changed.clear()
            if self._up is False and await self._is_gone():
                return
            if self._up is not False:
                await self._changed.wait()

    def close(self) -> None:
        """Watch no more."""
        if not self._monitor.closed:
            self._loop.remove_reader(self._descriptor)
            self._socket.disable_monitor()
            self._monitor.close()
            self._socket.close(linger=0)

    async def _is_gone(self) -> bool:
        """Whether a kernel whose connection broke does not come back."""
        until = self._loop.time() + (LOCAL_GRACE_SECONDS if self._local else REMOTE_GRACE_SECONDS)
        while self._up is False and self._loop.time() < until:
            try:
                await reach(self._connection, seconds=LOCAL_GRACE_SECONDS)
            except Unreachable:
                if self._local:
                    return self._up is False
            await asyncio.sleep(_LOOK_SECONDS)
        return self._up is False

    def _read(self) -> None:
        if self._monitor.closed:
            return
        while self._monitor.poll(0):
            told = parse_monitor_message(self._monitor.recv_multipart(zmq.NOBLOCK))
            self._up = told["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED
            self._changed.set()
