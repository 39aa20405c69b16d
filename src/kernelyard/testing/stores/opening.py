"""How the suites get at a store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from kernelyard.ports.stores import Store


class Opening:
    """Opens the store under test and closes it again."""

    async def open(self, tmp_path: Path) -> Store:
        """Return a new, empty store. To be overridden."""
        raise NotImplementedError

    @pytest_asyncio.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        """An empty store."""
        store = await self.open(tmp_path)
        yield store
        await store.aclose()
