"""Removing outputs from SQLite: in portions, repeatable after a crash, and the file becomes smaller."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Select, create_engine, text

from kernelyard.model.records import Record
from kernelyard.stores.sql import retention
from kernelyard.stores.sql.migrate import migrate
from kernelyard.stores.sql.sqlite import SqliteDatabase
from kernelyard.stores.sql.store import open_sqlite
from kernelyard.testing.stores.builders import NOON, Journal, append, kept_kernel, present


def a_journal(outputs: int, size: int) -> list[Record]:
    journal = Journal()
    for _ in range(outputs):
        journal.said(0, "x" * size)
    journal.kernel_ended()
    return journal.records


async def test_outputs_go_in_portions_of_rows_and_of_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = await open_sqlite(path)
    kernel = await kept_kernel(store)
    await append(store, kernel, a_journal(20, 1024 * 1024))
    many = await kept_kernel(store)
    await append(store, many, a_journal(700, 10))
    database = SqliteDatabase(path)
    for no, left in ((kernel.no, 21 - 3), (many.no, 701 - retention.ROWS_AT_ONCE)):
        await database.write(lambda c, no=no: retention.remove_portion(c, no))
        assert len(await store.outputs.read(no, 0, most_bytes=2**30)) == left
    await database.aclose()
    await store.aclose()


async def test_after_a_crash_the_rest_is_found_and_removed(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = await open_sqlite(path)
    kernel = await kept_kernel(store)
    await append(store, kernel, a_journal(20, 1024 * 1024))
    await store.aclose()
    full = path.stat().st_size
    database = SqliteDatabase(path)
    assert await database.write(lambda c: retention.begin_removal(c, kernel.no, NOON))
    assert not await database.write(lambda c: retention.remove_portion(c, kernel.no))
    await database.aclose()
    store = await open_sqlite(path)
    marked = await present(store, kernel)
    assert await store.kernels.half_removed() == [marked]
    assert await store.kernels.kept(10) == []
    assert await store.kernels.remove_outputs(kernel.no, NOON + 1)
    assert (await present(store, kernel)).outputs_removed_at == NOON
    assert await store.kernels.half_removed() == []
    assert await store.outputs.read(kernel.no, 0) == []
    await store.aclose()
    assert path.stat().st_size < full / 10


async def test_a_kernel_from_before_sizes_were_counted_is_found_again_too(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    store = await open_sqlite(path)
    kernel = await kept_kernel(store)
    await append(store, kernel, a_journal(3, 10))
    database = SqliteDatabase(path)
    await database.write(lambda c: c.execute(text("UPDATE kernels SET stored_bytes = 0")))
    await database.write(lambda c: retention.begin_removal(c, kernel.no, NOON))
    await database.aclose()
    assert [one.no for one in await store.kernels.half_removed()] == [kernel.no]
    await store.aclose()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path_factory.mktemp('plans') / 'a.db'}")
    with engine.begin() as connection:
        migrate(connection)
    yield engine
    engine.dispose()


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (retention.kept_statement(20, None, False), "ix_kernels_kept"),
        (retention.kept_statement(20, NOON, False), "ix_kernels_kept"),
        (retention.kept_statement(20, None, True), "ix_kernels_kept"),
        (retention.KEPT_BYTES, "ix_kernels_kept"),
        (retention.ended_statement(NOON, 20), "phase"),
    ],
    ids=["kept", "kept by", "newest", "bytes", "ended"],
)
def test_sweeping_reads_along_an_index(engine: Engine, query: Select[Any], index: str) -> None:
    literal = str(query.compile(engine, compile_kwargs={"literal_binds": True}))
    with engine.connect() as connection:
        steps = [row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {literal}"))]
    assert index in steps[0], steps
    assert index == "phase" or not any("TEMP B-TREE" in step for step in steps), steps
