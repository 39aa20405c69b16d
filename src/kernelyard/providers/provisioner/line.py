"""The line to a provisioned kernel: whether its control socket is still there.

Some provisioners never say that their kernel has died. ZeroMQ knows within milliseconds.
"""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Any

import zmq
from zmq.utils.monitor import recv_monitor_message

LOST_SECONDS = 1.0
"""A kernel that lives is connected to again much faster."""
_UP = zmq.Event.HANDSHAKE_SUCCEEDED
_DOWN = zmq.Event.DISCONNECTED


class Line:
    """Follows the connection of one socket; made, used and closed in one loop."""

    def __init__(self, socket: Any, ip: str, transport: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._monitor = socket.get_monitor_socket(_UP | _DOWN)
        self._socket = socket
        self.near = transport == "ipc" or _is_loopback(ip)
        """Whether the kernel is on this machine, so that no network can be blamed."""
        self.connected = False
        self._begun_at = self._loop.time()
        self._lost_at: float | None = None
        self._task = asyncio.create_task(self._follow())

    @property
    def lost(self) -> bool:
        """Whether it was connected once, and has not been for longer than a kernel that lives."""
        return self._lost_at is not None and self._loop.time() - self._lost_at >= LOST_SECONDS

    @property
    def perhaps_up(self) -> bool:
        """Whether it is connected, or has not had the time yet."""
        young = self._loop.time() - self._begun_at < LOST_SECONDS
        return self.connected or (young and self._lost_at is None)

    async def close(self) -> None:
        """Stop following."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if not self._socket.closed:
            self._socket.disable_monitor()

    async def _follow(self) -> None:
        while True:
            said = await recv_monitor_message(self._monitor)
            self.connected = said["event"] == _UP
            self._lost_at = None if self.connected else self._loop.time()


def _is_loopback(ip: str) -> bool:
    try:
        return ipaddress.ip_address(ip).is_loopback
    except ValueError:
        return ip == "localhost"
