"""What every way of finding each other has in common."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from kernelyard.providers.launcher import LaunchFailed
from kernelyard.wire.connections import Connection


class NotMet(LaunchFailed):
    """A kernel cannot be met in this way; in another perhaps."""


class Rendezvous(Protocol):
    """One way for one start of one kernel; made anew for each."""

    name: str
    """Such as ``ipc`` or ``read_back``; stands in logs and reasons, and in what is remembered."""

    def prepare(self, file: Path) -> None:
        """Write ``file``, which the kernel gets as its connection file. Raises NotMet, OSError."""
        ...

    async def meet(self) -> Connection:
        """Return where the kernel listens; waits for it where it is the kernel that chooses.

        Raises NotMet. Whoever waits looks at the same time whether the kernel has ended.
        """
        ...

    def unlucky(self, said: str) -> bool:
        """Whether a kernel that has ended early could be met in the same way by another try.

        ``said`` is what its process has printed.
        """
        ...

    def close(self) -> None:
        """Let go of what was held for it; sockets that the kernel leaves behind are removed."""
        ...
