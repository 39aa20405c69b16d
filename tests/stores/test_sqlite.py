"""The store in SQLite does what every store does, keeps it, and survives a full disk."""

from __future__ import annotations

import asyncio
import shutil
import stat
from pathlib import Path

import pytest
from sqlalchemy import text

from kernelyard.model.errors import StorageFull
from kernelyard.ports.stores import Store
from kernelyard.stores.sql.sqlite import SqliteDatabase
from kernelyard.stores.sql.store import open_sqlite
from kernelyard.testing.stores import StoreConformance
from kernelyard.testing.stores.builders import (
    Journal,
    a_kernel,
    append,
    kept_kernel,
    kept_tasks,
    present,
)


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that has been migrated once for all the tests of the suite."""
    path = tmp_path_factory.mktemp("empty") / "empty.db"
    asyncio.run(opened_and_closed(path))
    return path


async def opened_and_closed(path: Path) -> None:
    await (await open_sqlite(path)).aclose()


class TestSqliteStore(StoreConformance):
    @pytest.fixture(autouse=True)
    def copied(self, tmp_path: Path, empty_database: Path) -> None:
        shutil.copy(empty_database, tmp_path / "kernelyard.db")

    async def open(self, tmp_path: Path) -> Store:
        return await open_sqlite(tmp_path / "kernelyard.db")


def modes_in(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def test_everything_is_there_after_opening_again(tmp_path: Path) -> None:
    store = await open_sqlite(tmp_path / "a.db")
    kernel = await kept_kernel(store, a_kernel("work"))
    tasks = await kept_tasks(store, kernel, 2)
    journal = Journal()
    journal.ready()
    journal.started(1)
    await append(store, kernel, journal.records)
    before = await present(store, kernel)
    await store.aclose()
    store = await open_sqlite(tmp_path / "a.db")
    assert await present(store, kernel) == before
    assert await store.outputs.read(kernel.no, 0) == journal.records
    assert await store.tasks.get(tasks[1].id, None) == tasks[1]
    await store.aclose()


async def test_nobody_else_may_read_the_files(tmp_path: Path) -> None:
    store = await open_sqlite(tmp_path / "a.db")
    await kept_kernel(store)
    modes = modes_in(tmp_path)
    await store.aclose()
    assert modes == dict.fromkeys(("a.db", "a.db-wal", "a.db-shm"), 0o600)


async def test_a_full_disk_is_told_and_passes(tmp_path: Path) -> None:
    store = await open_sqlite(tmp_path / "a.db")
    kernel = await kept_kernel(store)
    database: SqliteDatabase = store._database
    pages = await database.write(lambda c: c.exec_driver_sql("PRAGMA page_count").scalar_one())

    async def grow_to(most: int) -> None:
        pragma = f"PRAGMA max_page_count = {most}"
        await database.write_straight(lambda c: c.execute(pragma).fetchone())
        await database.write(lambda c: c.exec_driver_sql(pragma).scalar_one())

    await grow_to(pages + 20)
    journal = Journal()
    journal.ready()
    for _ in range(200):
        journal.said(1, "x" * 4000)
    with pytest.raises(StorageFull):
        await append(store, kernel, journal.records)
    assert await present(store, kernel) == kernel
    assert await store.outputs.read(kernel.no, 0) == []
    await grow_to(100_000)
    assert await append(store, kernel, journal.records) == len(journal.records)
    await store.aclose()


async def test_readers_go_on_while_a_writer_works(tmp_path: Path) -> None:
    store = await open_sqlite(tmp_path / "a.db")
    kernel = await kept_kernel(store)
    journal = Journal()
    for _ in range(500):
        journal.said(1)

    async def write() -> None:
        for record in journal.records:
            await append(store, kernel, [record])

    async def read() -> None:
        seen = 0
        while seen < len(journal.records):
            for record in await store.outputs.read(kernel.no, seen):
                seen += 1
                assert record.number == seen

    await asyncio.wait_for(asyncio.gather(write(), read(), read()), 30)
    await store.aclose()


async def test_work_that_is_cancelled_is_done_whole_or_not_at_all(tmp_path: Path) -> None:
    store = await open_sqlite(tmp_path / "a.db")
    kernel = await kept_kernel(store)
    journal = Journal()
    for _ in range(2000):
        journal.said(1)
    appending = asyncio.create_task(append(store, kernel, journal.records))
    await asyncio.sleep(0)
    appending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await appending
    # There is one writer: once this has had its turn, what was cancelled is done or never will be.
    await store._database.write(lambda _connection: None)
    stored = (await present(store, kernel)).stored_number
    assert len(await store.outputs.read(kernel.no, 0, limit=5000)) == stored
    assert await append(store, kernel, journal.records) == 2000
    await store.aclose()


async def test_removing_a_kernel_gives_its_space_back(tmp_path: Path) -> None:
    store = await open_sqlite(tmp_path / "a.db")
    kernel = await kept_kernel(store)
    journal = Journal()
    for _ in range(600):
        journal.said(1, "x" * 5000)
    await append(store, kernel, journal.records)

    async def pages() -> int:
        count: int = await store._database.read(
            lambda c: c.execute(text("PRAGMA page_count")).scalar_one()
        )
        return count

    full = await pages()
    await store.kernels.remove(kernel.no)
    assert await pages() < full / 5
    await store.aclose()
