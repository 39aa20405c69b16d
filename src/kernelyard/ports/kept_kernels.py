"""What the yard asks of a store about kernels that have ended: which are kept, and to remove some."""

from __future__ import annotations

from typing import Protocol

from kernelyard.model.kernels import Kernel
from kernelyard.model.quantities import Micros


class KeptKernels(Protocol):
    """Kernels that have ended, and their outputs."""

    async def kept(
        self, limit: int, *, ended_by: Micros | None = None, newest: bool = False
    ) -> list[Kernel]:
        """Return kernels that have ended, by a time if one is given, and whose outputs are there.

        Those that ended first come first, or last if the ``newest`` are asked for. Never those wanted
        GONE, nor those whose journal is not closed.
        """
        ...

    async def kept_bytes(self) -> int:
        """Add up ``stored_bytes`` of ended kernels whose outputs are there and that are not GONE."""
        ...

    async def remove_outputs(self, no: int, at: Micros) -> bool:
        """Remove the outputs of an ended kernel, in small transactions; its row and tasks stay.

        It is marked first (``outputs_removed_at``, which a repetition leaves as it is), and its
        ``stored_bytes`` become 0 last. False if there is no such kernel or it has not ended.
        """
        ...

    async def half_removed(self) -> list[Kernel]:
        """Return kernels whose outputs are marked as removed and may still be there, after a crash."""
        ...

    async def ended(self, ended_by: Micros, limit: int) -> list[Kernel]:
        """Return kernels that have ended by a time, whatever is left of them, oldest first.

        Never those wanted GONE, nor those whose journal is not closed.
        """
        ...
