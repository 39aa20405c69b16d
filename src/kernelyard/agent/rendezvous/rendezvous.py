"""What every way of finding each other has in common."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from kernelyard.wire.connections import Connection


class Rendezvous(Protocol):
    """One way for one start of one kernel; made anew for each."""

    name: str
    """Such as ``ipc``, ``handshake``, ``read_back`` or ``classic``; stands in logs and reasons."""

    def prepare(self, file: Path) -> None:
        """Write ``file``, which the kernel gets as its connection file. Raises OSError."""
        ...

    async def meet(self) -> Connection:
        """Return where the kernel listens; waits for it where it is the kernel that chooses."""
        ...

    def close(self) -> None:
        """Let go of what was held for it; sockets that the kernel leaves behind are removed."""
        ...
