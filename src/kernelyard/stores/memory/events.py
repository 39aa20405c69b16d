"""Events in memory."""

from __future__ import annotations

from bisect import bisect_right
from itertools import islice

from kernelyard.model.kernel_phases import Wanted
from kernelyard.model.kernels import StateChange
from kernelyard.model.sightings import Sighting
from kernelyard.stores.memory.shelf import Shelf


class MemoryEvents:
    """``EventStore`` over a list."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def read(
        self,
        after: int,
        *,
        owner: str | None = None,
        kernel_no: int | None = None,
        images_only: bool = False,
        limit: int = 1000,
    ) -> list[StateChange]:
        changes = self._shelf.changes
        first = bisect_right(changes, after, key=lambda entry: entry[1].number)
        found = (
            change
            for no, change in islice(changes, first, None)
            if kernel_no in (None, no)
            and (no is None or (not images_only and self._shows(no, owner)))
        )
        return list(islice(found, limit))

    async def sight(self, sighting: Sighting) -> int:
        return self._shelf.sight(sighting)

    async def last(self) -> int:
        return self._shelf.changes_made

    def _shows(self, kernel_no: int, owner: str | None) -> bool:
        kernel = self._shelf.kernels[kernel_no]
        return kernel.wanted is not Wanted.GONE and owner in (None, kernel.owner)
