"""Meeting over unix sockets in a private directory: there are no ports that anybody could take."""

from __future__ import annotations

import os
from pathlib import Path

from kernelyard.agent.connection import over_ipc, write_connection
from kernelyard.agent.places import LONGEST_SOCKET_PATH, remove_ipc
from kernelyard.agent.rendezvous.arrivals import Arrivals
from kernelyard.agent.rendezvous.patience import within
from kernelyard.agent.rendezvous.rendezvous import NotMet
from kernelyard.wire.connections import Connection

_LONGEST_NUMBER = 2
"""A dash and one digit, which ZeroMQ puts behind the prefix."""


class Ipc:
    """For kernels that can bind unix sockets; that it has bound them is the sign that it does."""

    name = "ipc"

    def __init__(
        self, prefix: str | None, kernel_name: str, *, patience: float | None = None
    ) -> None:
        """``prefix`` is None where there is no directory for sockets. Raises NotMet."""
        if prefix is None:
            raise NotMet("there is no directory for unix sockets")
        if len(os.fsencode(prefix)) + _LONGEST_NUMBER > LONGEST_SOCKET_PATH:
            raise NotMet(f"the path {prefix} is too long for unix sockets")
        self._patience = patience
        self._connection = over_ipc(prefix, kernel_name)

    def prepare(self, file: Path) -> None:
        """Write the connection file. Raises OSError."""
        remove_ipc(self._connection.ip)
        write_connection(file, self._connection)

    async def meet(self) -> Connection:
        """Return the connection as soon as the kernel listens there. Raises NotMet."""
        return await within(self._patience, self._bound(), self.name)

    def unlucky(self, said: str) -> bool:
        """Nobody else can have these paths."""
        del said
        return False

    def close(self) -> None:
        """Remove the sockets that the kernel leaves behind."""
        remove_ipc(self._connection.ip)

    async def _bound(self) -> Connection:
        with Arrivals(Path(self._connection.ip).parent) as arrivals:
            while not self._is_bound():
                await arrivals.next()
        return self._connection

    def _is_bound(self) -> bool:
        """Whether shell and iopub are there. Raises NotMet when they will not be."""
        prefix, shell = self._connection.ip, self._connection.shell_port
        if Path(f"{prefix}:{shell}").exists():
            raise NotMet("it gives its unix sockets names that only it knows")
        awaited = (shell, self._connection.iopub_port)
        return all(Path(f"{prefix}-{port}").exists() for port in awaited)
