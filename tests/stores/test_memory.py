"""The store in memory does what every store does."""

from __future__ import annotations

from pathlib import Path

from kernelyard.ports.stores import Store
from kernelyard.stores.memory.store import MemoryStore
from kernelyard.testing.stores import StoreConformance


class TestMemoryStore(StoreConformance):
    async def open(self, tmp_path: Path) -> Store:
        return MemoryStore()
