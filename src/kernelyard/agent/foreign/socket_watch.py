"""Watching whether a kernel still listens, by a connection that nothing is sent on.

The system closes a kernel's end of it within milliseconds of the kernel's death, whoever has started
the kernel and whatever it runs.
"""

from __future__ import annotations

import asyncio

import zmq
from zmq.utils.monitor import parse_monitor_message

from kernelyard.agent.foreign.reaching import Silent, Unreachable, is_local, reach
from kernelyard.agent.waiting import happens
from kernelyard.wire.connections import Connection

RECONNECT_MS = 10
REMOTE_GRACE_SECONDS = 5.0
"""How long a kernel on another machine, or behind a tunnel, may be away and come back."""
LOCAL_GRACE_SECONDS = 1.0
"""How long somebody may listen at a kernel's address and not take part in its protocol."""
SILENT_SECONDS = 60.0
"""How long one that is found again may not answer, if nobody can say whether its process lives."""
_SILENT_PAUSE_SECONDS = 2.0
"""Between looks at one that does not answer: each takes a place in its queue of connections."""
_HEARTBEAT_MS = 5_000
_HEARTBEAT_TIMEOUT_MS = 15_000
_EVENTS = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_DISCONNECTED
_LOOK_SECONDS = 0.01


class SocketWatch:
    """A connection to a kernel's control socket."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        connection: Connection,
        *,
        patience: float | None = None,
    ) -> None:
        """Begin to watch a kernel that listens.

        Of one that listened some time ago nobody knows whether it does: ``patience`` tells for how
        long it may not answer before it is believed to be gone.
        """
        self._connection = connection
        self._local = is_local(connection)
        self._changed = asyncio.Event()
        self._up: bool | None = None if patience is None else False
        """Whether there is a connection; None before the first to one that listens."""
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
        self._patient_until = self._loop.time() + (patience or 0.0)
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
        grace = LOCAL_GRACE_SECONDS if self._local else REMOTE_GRACE_SECONDS
        until = self._loop.time() + grace
        while self._up is False and self._loop.time() < until:
            try:
                await reach(self._connection, seconds=LOCAL_GRACE_SECONDS)
            except Unreachable as error:
                if isinstance(error, Silent) and self._loop.time() < self._patient_until:
                    self._changed.clear()
                    await happens(self._changed, _SILENT_PAUSE_SECONDS)
                    until = self._loop.time() + grace
                elif self._local:
                    return self._up is False
            await asyncio.sleep(_LOOK_SECONDS)
        return self._up is False

    def _read(self) -> None:
        if self._monitor.closed:
            return
        while self._monitor.poll(0):
            told = parse_monitor_message(self._monitor.recv_multipart(zmq.NOBLOCK))
            self._up = told["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED
            if self._up:
                # From now on the system tells of its end.
                self._patient_until = 0.0
            self._changed.set()
