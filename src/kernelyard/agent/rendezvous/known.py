"""No rendezvous at all: where the kernel listens is known already."""

from __future__ import annotations

from pathlib import Path

from kernelyard.agent.places import remove_ipc
from kernelyard.providers.launcher import LaunchFailed
from kernelyard.wire.connections import Connection


class Known:
    """Of a kernel that runs already, and whose connection was kept."""

    name = "known"

    def __init__(self, connection: Connection | None) -> None:
        self._connection = connection

    def prepare(self, file: Path) -> None:
        """Nothing needs to be written."""

    async def meet(self) -> Connection:
        """Return the connection. Raises LaunchFailed if it was lost."""
        if self._connection is None:
            raise LaunchFailed("its connection was lost")
        return self._connection

    def unlucky(self, said: str) -> bool:
        """Trying again in the same way helps nothing."""
        del said
        return False

    def close(self) -> None:
        """Remove the sockets that the kernel leaves behind."""
        if self._connection is not None and self._connection.transport == "ipc":
            remove_ipc(self._connection.ip)
