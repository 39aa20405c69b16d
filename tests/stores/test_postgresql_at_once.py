"""Two servers on one PostgreSQL database: races end as if one had come after the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import Connection, event, func, select
from sqlalchemy.util import await_only

from kernelyard.model.errors import LimitReached, Unavailable
from kernelyard.model.images import ImageRecord
from kernelyard.model.kernel_phases import Phase, Wanted
from kernelyard.model.kernels import Kernel
from kernelyard.model.quotas import Resource, Rules
from kernelyard.model.tasks import TaskState
from kernelyard.ports.stores import Idempotency, KernelQuery, Lease
from kernelyard.stores.sql.postgresql import PostgresqlDatabase, open_postgresql
from kernelyard.stores.sql.store import SqlStore
from kernelyard.stores.sql.tables import changes, kernels, outputs
from kernelyard.testing.stores.builders import (
    NOON,
    Journal,
    a_kernel,
    a_task,
    append,
    kept_kernel,
    kept_tasks,
    present,
)

ROUNDS = 15
Two = tuple[SqlStore, SqlStore]


@pytest_asyncio.fixture
async def two(database_url: str) -> AsyncIterator[Two]:
    """Two stores on one database, as two servers have them."""
    stores = await open_postgresql(database_url), await open_postgresql(database_url)
    yield stores
    for store in stores:
        await store.aclose()


@pytest_asyncio.fixture
async def database(database_url: str) -> AsyncIterator[PostgresqlDatabase]:
    """The database without a store around it."""
    database = PostgresqlDatabase(database_url)
    yield database
    await database.aclose()


def a_kernel_of(no: int) -> Kernel:
    """Stands for a kernel of which only the number matters."""
    return replace(a_kernel(), no=no)


def long_journal(tasks: int) -> Journal:
    journal = Journal()
    journal.ready()
    for seq in range(1, tasks + 1):
        journal.started(seq)
        for line in range(20):
            journal.said(seq, f"line {line}")
        journal.ended(seq)
    return journal


async def test_records_that_two_servers_copy_at_once_are_stored_once(two: Two) -> None:
    kernel = await kept_kernel(two[0])
    tasks = await kept_tasks(two[0], kernel, 4)
    records = long_journal(4).records
    batches = [records[: end + 7] for end in range(0, len(records), 7)]

    async def copy(store: SqlStore) -> None:
        for batch in batches:
            assert await append(store, kernel, batch) is not None

    await asyncio.gather(*(copy(store) for store in two))
    now = await present(two[0], kernel)
    assert (now.stored_number, now.open_tasks) == (len(records), 0)
    assert await two[1].outputs.read(kernel.no, 0) == records
    for task in tasks:
        assert (await two[1].tasks.get(task.id, None)).state is TaskState.SUCCEEDED
    states = [one.state for one in await two[0].events.read(0, kernel_no=kernel.no)]
    assert (states.count("succeeded"), states.count("idle")) == (4, 1)


async def test_tasks_that_two_servers_take_at_once_have_places_of_their_own(two: Two) -> None:
    kernel = await kept_kernel(two[0])
    made = await asyncio.gather(*(two[n % 2].tasks.insert(a_task(kernel), None) for n in range(40)))
    in_order = sorted((task.seq, task.no) for task, _ in made)
    assert [seq for seq, _ in in_order] == list(range(1, 41))
    assert in_order == sorted(in_order, key=lambda pair: pair[1])
    assert (await present(two[1], kernel)).open_tasks == 40


async def test_two_servers_let_in_no_more_than_there_is_room_for(two: Two) -> None:
    rules = Rules({Resource.KERNELS: 3, Resource.TASKS: 5})
    made = await asyncio.gather(
        *(two[n % 2].quotas.place(a_kernel(), None, rules) for n in range(20))
    )
    inside = [kernel for kernel, _, _ in made if kernel.admitted]
    assert len(inside) == 3
    for ended in range(1, 4):
        journal = Journal()
        journal.kernel_ended()
        await append(two[ended % 2], inside[ended - 1], journal.records)
        await asyncio.gather(*(two[n % 2].quotas.admit(rules) for n in range(6)))
        admitted = [one for one in await two[0].kernels.unfinished() if one.admitted]
        assert sum(not one.phase.is_final for one in admitted) == 3
    told = await asyncio.gather(
        *(two[n % 2].quotas.submit(a_task(made[-1][0]), None, rules) for n in range(12)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, LimitReached) for one in told) == 7


async def test_letting_in_and_ending_at_once_is_no_circle(two: Two) -> None:
    rules = Rules({Resource.KERNELS: 4})
    made = await asyncio.gather(
        *(two[n % 2].quotas.place(a_kernel(), None, rules) for n in range(16))
    )

    async def end(store: SqlStore, kernel: Kernel) -> None:
        await store.kernels.want(kernel.no, Wanted.STOP, "enough", NOON)
        await store.kernels.settle(kernel.no, Phase.STOPPED, TaskState.CANCELLED, "enough", NOON)
        await store.quotas.admit(rules)

    await asyncio.gather(*(end(two[n % 2], kernel) for n, (kernel, _, _) in enumerate(made)))
    assert not await two[0].quotas.anybody_waits()


async def test_one_request_sent_to_two_servers_makes_one_kernel(two: Two) -> None:
    for turn in range(ROUNDS):
        name, key = f"work-{turn}", Idempotency(f"key {turn}", "same")
        made = await asyncio.gather(
            *(two[n % 2].kernels.insert(a_kernel(name), key) for n in range(8))
        )
        assert sum(new for _, new in made) == 1
        assert len({kernel.no for kernel, _ in made}) == 1


async def test_a_request_overtaken_by_its_own_repetition_gives_what_that_has_made(two: Two) -> None:
    first, second = a_kernel("work"), a_kernel("work")
    key = Idempotency("key", "same")
    overtaken: list[int] = []

    def overtake(*_: object) -> None:
        if not overtaken:
            overtaken.append(1)
            kept, _made = await_only(two[1].kernels.insert(second, key))
            overtaken.append(kept.no)

    event.listen(two[0]._database._writing.sync_engine, "after_cursor_execute", overtake)
    kept, made = await two[0].kernels.insert(first, key)
    assert (made, kept.id, kept.no) == (False, second.id, overtaken[1])


async def test_a_name_is_given_to_one_live_kernel_only(two: Two) -> None:
    for turn in range(ROUNDS):
        asked = (two[n % 2].kernels.insert(a_kernel(f"work-{turn}"), None) for n in range(8))
        made = await asyncio.gather(*asked, return_exceptions=True)
        refused = [type(one).__name__ for one in made if isinstance(one, Exception)]
        assert refused == ["NameTaken"] * 7
    assert len((await two[0].kernels.find(KernelQuery())).items) == ROUNDS


async def test_what_is_put_at_once_is_there_once(two: Two) -> None:
    for turn in range(ROUNDS):
        record = ImageRecord(name=f"r{turn}", reference="kernelspec/ir")
        await asyncio.gather(*(two[n % 2].images.put(record) for n in range(6)))
    assert len(await two[0].images.all()) == ROUNDS


async def test_a_kernel_removed_while_records_come_leaves_nothing(
    two: Two, database: PostgresqlDatabase
) -> None:
    records = long_journal(6).records

    async def copy(no: int) -> None:
        for end in range(5, len(records), 5):
            await append(two[1], a_kernel_of(no), records[:end])

    for _ in range(ROUNDS):
        kernel = await kept_kernel(two[0])
        await asyncio.gather(copy(kernel.no), two[0].kernels.remove(kernel.no))
    for table in (outputs, changes, kernels):
        count = select(func.count()).select_from(table)
        assert await database.read(lambda c, count=count: c.execute(count).scalar_one()) == 0


async def test_a_stop_and_a_copy_at_once_keep_what_each_has_changed(two: Two) -> None:
    for _ in range(ROUNDS):
        kernel = await kept_kernel(two[0])
        await kept_tasks(two[0], kernel, 2)
        records = long_journal(2).records
        await asyncio.gather(
            append(two[0], kernel, records),
            two[1].kernels.want(kernel.no, Wanted.STOP, "by ada", NOON),
        )
        now = await present(two[0], kernel)
        assert (now.wanted, now.stored_number) == (Wanted.STOP, len(records))


async def test_who_reads_events_while_they_are_made_misses_none(two: Two) -> None:
    made = [await kept_kernel(two[0]) for _ in range(6)]
    begin = await two[0].events.last()
    seen: list[int] = []

    async def submit(store: SqlStore, no: int) -> None:
        for _ in range(15):
            await store.tasks.insert(a_task(a_kernel_of(no)), None)

    async def read() -> None:
        while len(seen) < 6 * 15:
            after = seen[-1] if seen else begin
            seen.extend(one.number for one in await two[1].events.read(after))

    work = [submit(two[n % 2], kernel.no) for n, kernel in enumerate(made)]
    await asyncio.wait_for(asyncio.gather(read(), *work), 40)
    assert seen == [one.number for one in await two[0].events.read(begin)]


async def test_the_newest_event_is_never_one_that_is_not_committed(
    two: Two, database_url: str
) -> None:
    """Whoever follows from there would miss those that are committed later."""
    kernel = await kept_kernel(two[0])
    before = await two[1].events.last()
    writing, may_commit = asyncio.Event(), asyncio.Event()

    def hold(_: object, __: object, statement: str, *___: object) -> None:
        if "INSERT INTO changes" in statement:
            writing.set()
            await_only(may_commit.wait())

    event.listen(two[0]._database._writing.sync_engine, "after_cursor_execute", hold)
    submitting = asyncio.create_task(two[0].tasks.insert(a_task(kernel), None))
    await asyncio.wait_for(writing.wait(), 20)
    asking = asyncio.create_task(two[1].events.last())
    connection = await asyncpg.connect(database_url)
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    try:
        async with asyncio.timeout(20):
            while not asking.done() and not await connection.fetchval(waiting):
                pass
        assert not asking.done()
    finally:
        may_commit.set()
        await connection.close()
    await submitting
    assert await asking == before + 1


async def test_a_kernel_removed_while_it_is_claimed_fails_nobody(two: Two) -> None:
    for turn in range(ROUNDS):
        kernels = [await kept_kernel(two[0]) for _ in range(4)]
        lease = Lease(holder=f"turn {turn}", now=NOON, micros=1_000_000)
        await asyncio.gather(
            two[1].leases.claim(lease, 9),
            *(two[0].kernels.remove(kernel.no) for kernel in kernels),
            *(two[1].leases.claim_one(lease, kernel.no) for kernel in kernels),
            two[0].leases.claim(replace(lease, holder="other"), 9),
            two[1].leases.renew(lease),
        )
        assert await two[0].leases.renew(lease) == []


async def test_work_that_is_cancelled_is_done_whole_or_not_at_all(two: Two) -> None:
    kernel = await kept_kernel(two[0])
    records = long_journal(60).records
    appending = asyncio.create_task(append(two[0], kernel, records))
    await asyncio.sleep(0)
    appending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await appending
    assert await append(two[1], kernel, records) == len(records)
    assert await two[1].outputs.read(kernel.no, 0, limit=5000) == records


def failing_once(statement: str, calls: list[int]) -> Callable[[Connection], int]:
    """Work whose first run meets what ``statement`` does."""

    def work(connection: Connection) -> int:
        calls.append(1)
        if len(calls) == 1:
            connection.exec_driver_sql(statement)
        number: int = connection.exec_driver_sql("SELECT 7").scalar_one()
        return number

    return work


@pytest.mark.parametrize("code", ["serialization_failure", "deadlock_detected", "unique_violation"])
async def test_work_that_lost_a_race_is_run_once_more(
    database: PostgresqlDatabase, code: str
) -> None:
    lost = f"DO $$ BEGIN RAISE EXCEPTION 'lost' USING ERRCODE = '{code}'; END $$"
    calls: list[int] = []
    assert await database.write(failing_once(lost, calls)) == 7
    assert len(calls) == 2


async def test_a_connection_that_was_lost_before_anything_was_kept_is_replaced(
    database: PostgresqlDatabase,
) -> None:
    calls: list[int] = []
    ending = "SELECT pg_terminate_backend(pg_backend_pid())"
    assert await database.write(failing_once(ending, calls)) == 7
    assert len(calls) == 2


async def test_a_commit_whose_answer_was_lost_is_not_repeated(
    database: PostgresqlDatabase, database_url: str
) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(
        "CREATE FUNCTION hang_up() RETURNS trigger AS $$ BEGIN "
        "PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$ LANGUAGE plpgsql;"
        "CREATE TABLE once (n int);"
        "CREATE CONSTRAINT TRIGGER hang_up AFTER INSERT ON once DEFERRABLE INITIALLY DEFERRED "
        "FOR EACH ROW EXECUTE FUNCTION hang_up()"
    )
    await connection.close()
    calls: list[int] = []

    def work(connection: Connection) -> None:
        calls.append(1)
        connection.exec_driver_sql("INSERT INTO once VALUES (1)")

    with pytest.raises(Unavailable, match="idempotency key"):
        await database.write(work)
    assert len(calls) == 1


async def test_a_store_goes_on_after_a_newer_program_has_changed_a_table(
    two: Two, database_url: str
) -> None:
    kernel = await kept_kernel(two[0])
    assert await present(two[0], kernel) == kernel
    connection = await asyncpg.connect(database_url)
    await connection.execute("ALTER TABLE kernels ALTER COLUMN reason TYPE varchar(5000)")
    await connection.close()
    assert await present(two[0], kernel) == kernel
