"""Which ways of finding each other are tried with a kernel, and in which order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kernelyard.agent.connection import over_ipc, over_tcp, write_connection
from kernelyard.agent.places import remove_ipc
from kernelyard.agent.rendezvous.rendezvous import Rendezvous
from kernelyard.providers.provider import LaunchPlan
from kernelyard.wire.connections import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """One start of one kernel, as far as it matters for meeting it."""

    ipc_prefix: str
    """With what the names of its unix sockets begin, should it have any."""
    kernel_id: str
    kernel_name: str


Way = Callable[[Meeting], Rendezvous]


class Chosen:
    """We choose the connection, and the kernel has to take it."""

    def __init__(self, name: str, connection: Connection) -> None:
        self.name = name
        self._connection = connection

    def prepare(self, file: Path) -> None:
        """Write the connection into the file. Raises OSError."""
        if self._connection.transport == "ipc":
            remove_ipc(self._connection.ip)
        write_connection(file, self._connection)

    async def meet(self) -> Connection:
        """Return the connection."""
        return self._connection

    def unlucky(self, said: str) -> bool:
        """Trying again in the same way helps nothing."""
        del said
        return False

    def close(self) -> None:
        """Remove the sockets that the kernel leaves behind."""
        if self._connection.transport == "ipc":
            remove_ipc(self._connection.ip)


def ways(plan: LaunchPlan) -> list[Way]:
    """Return the ways to try with a kernel, the best first."""
    del plan
    return [
        lambda meeting: Chosen("ipc", over_ipc(meeting.ipc_prefix, meeting.kernel_name)),
        lambda meeting: Chosen("classic", over_tcp(meeting.kernel_name)),
    ]
