"""How the SQL stores are opened from settings: the entry points of ``kernelyard.stores``."""

from __future__ import annotations

from importlib.util import find_spec

from kernelyard.model.errors import Invalid
from kernelyard.ports.stores import StoreSetup, for_several_servers
from kernelyard.stores.sql.store import SqlStore, open_sqlite

FILE = "kernelyard.db"
_DRIVER = ("asyncpg", "greenlet")


async def sqlite(setup: StoreSetup) -> SqlStore:
    """Open the SQLite file of a data directory."""
    return await open_sqlite(setup.data_dir / FILE)


@for_several_servers
async def postgresql(setup: StoreSetup) -> SqlStore:
    """Open a PostgreSQL database. Raises Invalid without a URL or a driver."""
    missing = [name for name in _DRIVER if find_spec(name) is None]
    if missing:
        raise Invalid(
            f"The store 'postgresql' needs {' and '.join(missing)}, which is not installed. "
            "Run: pip install 'kernelyard[postgresql]'",
            field="store",
        )
    if not setup.url:
        raise Invalid(
            "The store 'postgresql' needs the address of a database. Set KERNELYARD_STORE_URL to "
            "postgresql://user:password@host/database, or name a file that holds it with "
            "--store-url-file.",
            field="store_url",
        )
    from kernelyard.stores.sql.postgresql import open_postgresql

    return await open_postgresql(setup.url)
