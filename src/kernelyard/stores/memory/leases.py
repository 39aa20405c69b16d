"""Leases in memory."""

from __future__ import annotations

from kernelyard.model.quantities import Micros
from kernelyard.ports.stores import Lease
from kernelyard.stores.memory.shelf import Shelf
from kernelyard.stores.transitions import is_unfinished


class MemoryLeases:
    """``LeaseStore`` over a dictionary."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._leases: dict[int, tuple[str, Micros]] = {}

    async def claim(self, lease: Lease, limit: int) -> list[int]:
        free = [no for no in self._unfinished() if not self._held(no, lease.now)][:limit]
        self._lease(free, lease)
        return free

    async def claim_one(self, lease: Lease, kernel_no: int) -> bool:
        ours = self._leases.get(kernel_no, ("", 0))[0] == lease.holder
        held = self._held(kernel_no, lease.now) and not ours
        if held or kernel_no not in self._unfinished():
            return False
        self._lease([kernel_no], lease)
        return True

    async def renew(self, lease: Lease) -> list[int]:
        known = self._shelf.kernels
        ours = sorted(no for no, (who, _) in self._leases.items() if who == lease.holder)
        still = [no for no in ours if no in known]
        self._lease(still, lease)
        return still

    async def release(self, holder: str, kernel_no: int | None = None) -> None:
        self._leases = {
            no: (who, until)
            for no, (who, until) in self._leases.items()
            if who != holder or kernel_no not in (None, no)
        }

    def _unfinished(self) -> list[int]:
        return [no for no, kernel in self._shelf.kernels.items() if is_unfinished(kernel)]

    def _held(self, no: int, now: Micros) -> bool:
        return no in self._leases and self._leases[no][1] > now

    def _lease(self, numbers: list[int], lease: Lease) -> None:
        self._leases |= dict.fromkeys(numbers, (lease.holder, lease.now + lease.micros))
