"""A bell on PostgreSQL is heard in every server; without a connection it still rings at home."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
import pytest_asyncio

from kernelyard.ports.bell import Bell
from kernelyard.stores.memory.bell import LocalBell
from kernelyard.stores.sql.postgresql import PostgresqlStore, open_postgresql
from kernelyard.stores.sql.postgresql_bell import MOST_BYTES, PostgresqlBell, payloads

from tests.support.postgres import TEMPLATE, PostgresServer, running_server

SECONDS = 20
Two = tuple[PostgresqlBell, PostgresqlBell]


@pytest_asyncio.fixture
async def stores(database_url: str) -> AsyncIterator[tuple[PostgresqlStore, PostgresqlStore]]:
    """Two stores on one database, as two servers have them."""
    stores = await open_postgresql(database_url), await open_postgresql(database_url)
    yield stores
    for store in stores:
        await store.aclose()


@pytest_asyncio.fixture
async def two(stores: tuple[PostgresqlStore, PostgresqlStore]) -> Two:
    """A bell of each, listening."""
    bells = stores[0].bell(LocalBell()), stores[1].bell(LocalBell())
    for bell in bells:
        await asyncio.wait_for(bell.listening(), SECONDS)
    return bells


async def heard(bell: Bell, topic: str, since: int) -> bool:
    return await bell.wait(topic, since, SECONDS)


async def test_a_ring_is_heard_at_home_at_once_and_in_the_other_server_soon(two: Two) -> None:
    one, other = two
    marks = one.mark("kernel:1"), other.mark("kernel:1")
    waiting = asyncio.create_task(heard(other, "kernel:1", marks[1]))
    one.ring("kernel:1")
    assert await one.wait("kernel:1", marks[0], 0)
    assert await waiting


async def test_ones_own_ring_does_not_come_back(two: Two) -> None:
    one, other = two
    one.ring("kernel:1")
    mark = one.mark("kernel:1")
    before = one.mark("kernel:2")
    other.ring("kernel:2")
    # What the other sent later has come, and so would the own one.
    assert await heard(one, "kernel:2", before)
    assert not await one.wait("kernel:1", mark, 0)


async def test_many_topics_arrive_all(two: Two) -> None:
    one, other = two
    topics = [f"kernel:{number}" for number in range(3000)]
    waits = [heard(other, topic, other.mark(topic)) for topic in topics]
    for topic in topics:
        one.ring(topic)
    assert all(await asyncio.gather(*waits))
    assert one.dropped == 0


async def test_a_muffled_bell_is_muffled_for_its_own_server_only(two: Two) -> None:
    one, other = two
    one.muffle()
    assert (one.muffled, other.muffled) == (True, False)
    assert await one.wait("x", one.mark("x"), SECONDS)


async def test_what_was_rung_last_is_still_sent_by_who_closes(
    stores: tuple[PostgresqlStore, PostgresqlStore], two: Two
) -> None:
    mark = two[1].mark("kernel:1")
    two[0].ring("kernel:1")
    await stores[0].aclose()
    assert await heard(two[1], "kernel:1", mark)


async def test_a_connection_that_was_cut_is_made_again_and_everybody_looks(
    two: Two, database_url: str
) -> None:
    one, other = two
    mark = one.mark("x")
    waiting = asyncio.create_task(heard(one, "x", mark))
    connection = await asyncpg.connect(database_url)
    cut = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND application_name = 'kernelyard bell'"
    )
    assert await connection.fetchval(cut) == 2
    await connection.close()
    # Something may have been missed meanwhile.
    assert await waiting
    await asyncio.wait_for(asyncio.gather(one.listening(), other.listening()), SECONDS)
    assert await reaches(one, other, "kernel:1")


async def reaches(one: Bell, other: Bell, topic: str) -> bool:
    """Whether a ring reaches the other, if need be after some tries."""
    async with asyncio.timeout(SECONDS):
        while True:
            mark = other.mark(topic)
            one.ring(topic)
            if await other.wait(topic, mark, 0.2):
                return True


@pytest.fixture
def mortal() -> Iterator[PostgresServer]:
    """A database server of a test's own."""
    with running_server() as server:
        yield server


async def test_without_a_database_it_rings_at_home_and_counts_what_others_miss(
    mortal: PostgresServer,
) -> None:
    async with mortal.database(template=TEMPLATE) as url:
        store, other_store = await open_postgresql(url), await open_postgresql(url)
        bell, other = store.bell(LocalBell()), other_store.bell(LocalBell())
        await asyncio.wait_for(asyncio.gather(bell.listening(), other.listening()), SECONDS)
        mortal.kill()
        async with asyncio.timeout(SECONDS):
            while not bell.dropped:
                mark = bell.mark("x")
                bell.ring("x")
                assert await bell.wait("x", mark, 0)
                await asyncio.sleep(0)
        mortal.start()
        await asyncio.wait_for(asyncio.gather(bell.listening(), other.listening()), SECONDS)
        assert await reaches(bell, other, "x")
        await store.aclose()
        await other_store.aclose()


def test_topics_are_written_into_as_few_notifications_as_hold_them() -> None:
    topics = [f"kernel:{number}" for number in range(5000)]
    written = list(payloads("me", topics))
    assert all(len(one.encode()) <= MOST_BYTES for one in written)
    assert [topic for one in written for topic in one.split(" ")[1:]] == topics
    assert len(written) == sum(len(topic) + 1 for topic in topics) // MOST_BYTES + 1
    assert list(payloads("me", [])) == []
