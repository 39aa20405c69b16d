"""What a kernel says is passed on before it is stored; that something has ended, when it is stored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from kernelyard.model.errors import CursorBeyondEnd, Unavailable
from kernelyard.model.projection import Projection
from kernelyard.model.records import Record, RecordKind
from kernelyard.model.tasks import Task, TaskState
from kernelyard.ports.stores import Stored
from kernelyard.stores.memory.bell import LocalBell
from kernelyard.stores.memory.outputs import MemoryOutputs
from kernelyard.stores.memory.store import MemoryStore
from kernelyard.testing import FakeClock
from kernelyard.yard import tails as subject
from kernelyard.yard.leasing import LEASE_SECONDS, ROUND_SECONDS
from kernelyard.yard.relaying import Relay
from kernelyard.yard.sharing import Batch
from kernelyard.yard.tails import Tails

from tests.support.scripted_agent import ScriptedAgent
from tests.support.yard_house import ANN, SECONDS, YardHouse, a_yard

KERNEL = 7


class GatedOutputs:
    """Stores nothing while the gate is closed."""

    def __init__(self, outputs: MemoryOutputs) -> None:
        self._outputs = outputs
        self.read = outputs.read
        self.gate = asyncio.Event()
        self.gate.set()

    async def append(
        self, kernel_no: int, records: Sequence[Record], projection: Projection
    ) -> Stored | None:
        await self.gate.wait()
        return await self._outputs.append(kernel_no, records, projection)


class GatedStore(MemoryStore):
    """A store that a test can hold up."""

    def __init__(self) -> None:
        super().__init__()
        self.gated = GatedOutputs(self.outputs)
        self.outputs = self.gated  # type: ignore[assignment]


@asynccontextmanager
async def held_up() -> AsyncIterator[tuple[YardHouse, GatedStore, Task]]:
    """A yard whose store is held up while a task runs that has said nothing but that it began."""
    store = GatedStore()
    async with a_yard(store=store) as house:
        task = await house.task(await house.kernel(), "print:0\nwait:go\nprint:1")
        await house.has_spoken(task)
        yield house, store, task
        store.gated.gate.set()


def texts(records: Sequence[Record]) -> list[str]:
    return [record.body.decode() for record in records if record.kind is RecordKind.STREAM]


async def test_outputs_are_passed_on_while_the_store_is_held_up() -> None:
    async with held_up() as (house, store, task):
        got: list[Record] = []
        heard = asyncio.Event()

        async def follow() -> Task | None:
            async for batch in await house.yard.outputs.follow(ANN, task.id, 0):
                got.extend(batch)
                if len(texts(got)) == 2:
                    heard.set()
                if batch.end is not None:
                    assert isinstance(batch.end, Task)
                    return batch.end
            return None

        following = asyncio.create_task(follow())
        while not texts(got):
            await asyncio.sleep(0)
        store.gated.gate.clear()
        house.agent.gates.release("go")
        async with asyncio.timeout(SECONDS):
            await heard.wait()
        assert not (await house.yard.tasks.get(ANN, task.id)).state.is_final
        assert all(record.kind is not RecordKind.ENDED for record in got)
        store.gated.gate.set()
        end = await following
        assert end == await house.yard.tasks.get(ANN, task.id)
        assert end is not None
        assert end.state is TaskState.SUCCEEDED
        assert got == await house.records(task)


async def test_a_number_that_was_passed_on_and_not_stored_is_good_for_the_next_server() -> None:
    agent, store = ScriptedAgent(), GatedStore()
    async with a_yard(store=store, agent=agent) as old:
        task = await old.task(await old.kernel(), "print:0\nwait:go\nprint:1\nwait:on\nprint:2")
        await old.has_spoken(task)
        got: list[Record] = []
        async for batch in await old.yard.outputs.follow(ANN, task.id, 0):
            got.extend(batch)
            if len(texts(got)) == 1:
                store.gated.gate.clear()
                agent.gates.release("go")
            elif len(texts(got)) == 2:
                break
    # As after kill -9: what was passed on last never came into the store.
    stored = await store.kernels.by_no(task.kernel_no)
    assert stored is not None
    assert stored.stored_number < got[-1].number
    async with a_yard(store=store, agent=agent) as new:
        coming = asyncio.create_task(new.records(task, after=got[-1].number))
        store.gated.gate.set()
        agent.gates.release("on")
        rest = await coming
        assert got + rest == await new.records(task)
        with pytest.raises(CursorBeyondEnd):
            await new.records(task, after=99)
    await agent.aclose()


async def test_a_number_is_not_refused_while_it_may_be_known_to_a_server_that_has_gone() -> None:
    agent, store, clock, bell = ScriptedAgent(), MemoryStore(), FakeClock(), LocalBell()
    async with a_yard(store=store, agent=agent) as old:
        task = await old.task(await old.kernel(), "print:0\nwait:go")
        await old.has_spoken(task)
    agent.absent = True
    async with a_yard(store=store, agent=agent, clock=clock, bell=bell) as new:
        asking = asyncio.create_task(new.records(task, after=99))
        # A lease may have been prolonged just before, and is found free a round later.
        await clock.advance(LEASE_SECONDS + 2 * ROUND_SECONDS)
        bell.ring_all()
        await clock.advance(0)
        assert not asking.done()
        await clock.advance(LEASE_SECONDS)
        bell.ring_all()
        with pytest.raises(Unavailable):
            await asking
        asking = asyncio.create_task(new.records(task, after=99))
        await clock.advance(0)
        bell.muffle()
        with pytest.raises(Unavailable):
            await asking
    await agent.aclose()


def record(number: int, seq: int = 1, size: int = 1) -> Record:
    return Record(number, 0, seq, RecordKind.STREAM, b"x" * size)


def numbers(batch: Sequence[Record] | None) -> list[int] | None:
    return None if batch is None else [one.number for one in batch]


def test_a_tail_is_held_for_readers_only() -> None:
    tails = Tails(LocalBell())
    with tails.followed(KERNEL, 3) as tail:
        tail.take([record(4)])
        assert list(tail.behind(3)) == []
        with tails.read(KERNEL):
            tail.take([record(5)])
            assert [one.number for one in tail.behind(4)] == [5]
        tail.take([record(6)])
        assert (tail.first, tail.last) == (7, 6)
    assert tails.of(KERNEL) is None


def test_a_following_that_ends_late_does_not_end_the_next_one() -> None:
    tails = Tails(LocalBell())
    with tails.read(KERNEL):
        older = tails.followed(KERNEL, 0)
        older.__enter__()
        with tails.followed(KERNEL, 3) as tail:
            older.__exit__(None, None, None)
            assert tails.of(KERNEL) is tail
            tail.take([record(4)])
            assert [one.number for one in tail.behind(3)] == [4]
        assert tails.of(KERNEL) is None


def test_a_tail_is_bounded_and_sends_who_is_behind_it_to_the_store() -> None:
    tails = Tails(LocalBell())
    with tails.followed(KERNEL, 0) as tail, tails.read(KERNEL):
        third = subject.MOST_BYTES // 3
        for number in range(1, 6):
            tail.take([record(number, size=third)])
        assert (tail.first, tail.last) == (3, 5)
        relay = Relay(tails, KERNEL, 1)
        assert relay.batch(0) is None
        assert numbers(relay.batch(2)) == [3, 4, 5]


def test_a_task_is_relayed_from_where_the_store_was_read_though_others_spoke_between() -> None:
    tails = Tails(LocalBell())
    with tails.followed(KERNEL, 10) as tail, tails.read(KERNEL):
        relay = Relay(tails, KERNEL, 2)
        assert relay.batch(4) is None
        tail.take([record(11, seq=1), record(12, seq=2)])
        # At number 4 it may have said more that is in the store.
        assert relay.batch(4) is None
        assert numbers(relay.batch(10)) == [12]
        again = Relay(tails, KERNEL, 2)
        assert again.stored() == 10
        again.has_read(4, Batch(), stored=10)
        assert numbers(again.batch(4)) == [12]
        assert numbers(again.batch(12)) == []


def test_silence_is_not_believed_across_a_new_following() -> None:
    tails = Tails(LocalBell())
    with tails.read(KERNEL):
        relay = Relay(tails, KERNEL, 1)
        with tails.followed(KERNEL, 0) as tail:
            tail.take([record(1)])
            assert numbers(relay.batch(0)) == [1]
            assert numbers(relay.batch(1)) == []
        assert relay.batch(1) is None
        with tails.followed(KERNEL, 1):
            assert relay.batch(1) is None


def test_an_end_is_told_when_it_is_stored_with_the_task_as_it_is_stored() -> None:
    tails = Tails(LocalBell())
    ended = Task(
        no=1,
        id="a-task",
        kernel_no=KERNEL,
        kernel_id="a-kernel",
        owner="ann",
        seq=1,
        code="",
        created_at=0,
        state=TaskState.SUCCEEDED,
        first_number=1,
        last_number=2,
    )
    with tails.followed(KERNEL, 0) as tail, tails.read(KERNEL):
        relay = Relay(tails, KERNEL, 1)
        whole = Relay(tails, KERNEL, None)
        tail.take([record(1), Record(2, 0, 1, RecordKind.ENDED, b"{}"), record(3, seq=2)])
        assert numbers(relay.batch(0)) == numbers(whole.batch(0)) == [1]
        assert numbers(relay.batch(1)) == []
        tail.keep(Stored(3, (ended,)))
        batch = relay.batch(1)
        assert numbers(batch) == [2]
        assert batch is not None
        assert batch.end == ended
        assert numbers(whole.batch(1)) == [2, 3]


@pytest.mark.parametrize("stood_there", [True, False])
def test_an_end_that_somebody_else_has_stored_sends_to_the_store(stood_there: bool) -> None:
    tails = Tails(LocalBell())
    with tails.followed(KERNEL, 1) as tail, tails.read(KERNEL):
        relay = Relay(tails, KERNEL, 1)
        if stood_there:
            relay.has_read(1, Batch(), stored=1)
        tail.take([Record(2, 0, 1, RecordKind.ENDED, b"{}")])
        # Its task is not told with it: it was told to whoever has stored it.
        tail.keep(Stored(2, whole=False))
        batch = relay.batch(1)
        assert numbers(batch) == [2]
        assert batch is not None
        assert batch.end is None
        assert relay.batch(2) is None


def test_what_was_seen_is_not_relied_on_when_somebody_else_has_stored_something() -> None:
    tails = Tails(LocalBell())
    with tails.followed(KERNEL, 0) as tail, tails.read(KERNEL):
        relay = Relay(tails, KERNEL, 1)
        tail.take([record(1)])
        assert numbers(relay.batch(0)) == [1]
        assert numbers(relay.batch(1)) == []
        tail.keep(Stored(1, whole=False))
        assert relay.batch(1) is None
