"""Meeting at ports that we choose: any kernel can, and another program may be faster."""

from __future__ import annotations

import re
import socket
from pathlib import Path

from kernelyard.agent.connection import over_tcp, write_connection
from kernelyard.wire.connections import Connection

_IN_USE = re.compile(r"address.{0,20}in use|EADDRINUSE|port.{0,20}in use", re.IGNORECASE)


class Classic:
    """For kernels that can do nothing better."""

    name = "classic"

    def __init__(self, kernel_name: str) -> None:
        self._connection = over_tcp(kernel_name)

    def prepare(self, file: Path) -> None:
        """Write the connection file. Raises OSError."""
        write_connection(file, self._connection)

    async def meet(self) -> Connection:
        """Return the connection; the kernel may be on its way there."""
        return self._connection

    def unlucky(self, said: str) -> bool:
        """Whether the kernel could not have its ports: it says so, or somebody else has one now."""
        return bool(_IN_USE.search(said)) or any(
            _taken(self._connection.ip, port) for port in self._connection.ports
        )

    def close(self) -> None:
        """There is nothing to let go of."""


def _taken(host: str, port: int) -> bool:
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((host, port))
        except OSError:
            return True
    return False
