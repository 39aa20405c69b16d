"""How the SQL stores are opened from settings: the entry points of ``kernelyard.stores``."""

from __future__ import annotations

from kernelyard.ports.stores import StoreSetup
from kernelyard.stores.sql.store import SqlStore, open_sqlite

FILE = "kernelyard.db"


async def sqlite(setup: StoreSetup) -> SqlStore:
    """Open the SQLite file of a data directory."""
    return await open_sqlite(setup.data_dir / FILE)
