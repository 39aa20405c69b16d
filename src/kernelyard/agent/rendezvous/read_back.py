"""Meeting by the connection file: it names no ports, and the kernel writes those into it that it chose."""

from __future__ import annotations

from pathlib import Path

import msgspec

from kernelyard.agent.connection import new_key
from kernelyard.agent.places import write_private
from kernelyard.agent.rendezvous.patience import within
from kernelyard.agent.rendezvous.registrar import HOST
from kernelyard.agent.rendezvous.rewritten_file import rewritten
from kernelyard.wire.connections import PORTS, Connection
from kernelyard.wire.signing import SCHEME


class ReadBack:
    """For kernels of the ipykernel family."""

    name = "read_back"

    def __init__(self, kernel_name: str, *, patience: float | None = None) -> None:
        self._kernel_name = kernel_name
        self._patience = patience
        self._key = new_key()
        self._file = Path()

    def prepare(self, file: Path) -> None:
        """Write a connection file whose ports are 0. Raises OSError."""
        self._file = file
        said = {
            "transport": "tcp",
            "ip": HOST,
            "key": self._key,
            "signature_scheme": SCHEME,
            "kernel_name": self._kernel_name,
        }
        write_private(file, msgspec.json.encode({**said, **dict.fromkeys(PORTS, 0)}))

    async def meet(self) -> Connection:
        """Return what the kernel has written. Raises NotMet when that takes too long."""
        return await within(self._patience, rewritten(self._file, self._key), self.name)

    def unlucky(self, said: str) -> bool:
        """The kernel takes free ports, and nobody can be before it."""
        del said
        return False

    def close(self) -> None:
        """There is nothing to let go of."""
