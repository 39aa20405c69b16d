"""Those who wait for the one writer are served together, and none for the failure of another."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import traceback
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from kernelyard.model.errors import KernelNotFound
from kernelyard.stores.sql.sqlite import SqliteDatabase


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    database = await asyncio.to_thread(SqliteDatabase, tmp_path / "a.db")
    await database.write_straight(lambda c: c.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)"))
    yield database
    await database.aclose()


def put(number: int) -> Callable[[sqlite3.Connection], int]:
    def work(driver: sqlite3.Connection) -> int:
        driver.execute("INSERT INTO t VALUES (?)", (number,))
        return number

    return work


async def numbers(database: SqliteDatabase) -> list[int]:
    return await database.read_straight(
        lambda c: [row[0] for row in c.execute("SELECT n FROM t ORDER BY n")]
    )


async def test_work_is_committed_before_it_is_answered(database: SqliteDatabase) -> None:
    assert await database.write_straight(put(1)) == 1
    assert await numbers(database) == [1]


async def test_one_that_fails_in_a_crowd_leaves_nothing_and_harms_nobody(
    database: SqliteDatabase,
) -> None:
    go = threading.Event()

    def hold(_: sqlite3.Connection) -> None:
        go.wait(10)

    def fail(driver: sqlite3.Connection) -> None:
        driver.execute("INSERT INTO t VALUES (50)")
        raise KernelNotFound

    # While the writer is held up, a crowd gathers that it then serves with one commit.
    works = [hold, put(1), fail, put(2), put(1), put(3)]
    waiting = [asyncio.create_task(database.write_straight(work)) for work in works]
    await asyncio.sleep(0)
    go.set()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert outcomes[1] == 1
    assert isinstance(outcomes[2], KernelNotFound)
    assert outcomes[3] == 2
    assert isinstance(outcomes[4], sqlite3.IntegrityError)
    assert outcomes[5] == 3
    assert await numbers(database) == [1, 2, 3]


async def test_whoever_leaves_is_served_nevertheless(database: SqliteDatabase) -> None:
    leaving = asyncio.create_task(database.write_straight(put(7)))
    await asyncio.sleep(0)
    leaving.cancel()
    await database.write_straight(put(8))
    assert await numbers(database) == [7, 8]


async def test_more_than_one_turn_takes_are_all_served(database: SqliteDatabase) -> None:
    waiting = [database.write_straight(put(number)) for number in range(300)]
    assert await asyncio.gather(*waiting) == list(range(300))


async def test_after_the_close_nobody_waits_for_ever(tmp_path: Path) -> None:
    database = await asyncio.to_thread(SqliteDatabase, tmp_path / "a.db")
    await database.aclose()
    with pytest.raises(RuntimeError):
        await database.write_straight(put(1))


async def test_a_commit_that_fails_fails_all_with_an_error_of_each_ones_own(
    database: SqliteDatabase,
) -> None:
    await database.write_straight(
        lambda c: c.execute(
            "CREATE TABLE u (n INTEGER REFERENCES t (n) DEFERRABLE INITIALLY DEFERRED)"
        )
    )
    go = threading.Event()

    def hold(_: sqlite3.Connection) -> None:
        go.wait(10)

    def fail_at_the_end(driver: sqlite3.Connection) -> None:
        driver.execute("INSERT INTO u VALUES (999)")

    works = [hold, put(1), fail_at_the_end, put(2)]
    waiting = [asyncio.create_task(database.write_straight(work)) for work in works]
    await asyncio.sleep(0)
    go.set()
    _, *errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(error) for error in errors] == [sqlite3.IntegrityError] * 3
    assert len({id(error) for error in errors}) == 3
    lengths = {
        len(traceback.extract_tb(error.__traceback__))
        for error in errors
        if isinstance(error, BaseException)
    }
    assert len(lengths) == 1
    assert await numbers(database) == []


async def test_a_line_that_never_ends_does_not_keep_the_writer_from_others(
    database: SqliteDatabase,
) -> None:
    number = 0
    done = asyncio.Event()

    async def again_and_again() -> None:
        nonlocal number
        while not done.is_set():
            number += 1
            await database.write_straight(put(number))

    crowd = [asyncio.create_task(again_and_again()) for _ in range(4)]
    await asyncio.sleep(0)
    async with asyncio.timeout(10):
        for _ in range(5):
            await database.give_back_space()
    done.set()
    await asyncio.gather(*crowd)
    assert await numbers(database) == list(range(1, number + 1))


async def test_whoever_waits_while_the_store_closes_is_told(tmp_path: Path) -> None:
    database = await asyncio.to_thread(SqliteDatabase, tmp_path / "a.db")
    await database.write_straight(lambda c: c.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)"))
    waiting = [asyncio.create_task(database.write_straight(put(n))) for n in range(2000)]
    await asyncio.sleep(0)
    async with asyncio.timeout(20):
        await database.aclose()
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    told = [one if isinstance(one, int) else type(one) for one in outcomes]
    refused = told.count(RuntimeError)
    assert told == [*range(2000 - refused), *[RuntimeError] * refused]
