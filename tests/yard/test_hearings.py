"""Whoever waits for a task is told of its end, and never of less than all that it said."""

from __future__ import annotations

import asyncio

from kernelyard.model.kernels import Kernel
from kernelyard.model.projection import project
from kernelyard.model.records import Record, RecordKind
from kernelyard.model.tasks import Task, TaskOrder, TaskState
from kernelyard.ports.bell import settled_topic
from kernelyard.ports.stores import Idempotency, Stored
from kernelyard.stores.memory.bell import LocalBell
from kernelyard.stores.memory.shelf import Shelf
from kernelyard.stores.memory.store import MemoryStore
from kernelyard.stores.memory.tasks import MemoryTasks
from kernelyard.yard import hearings as subject
from kernelyard.yard.hearings import Hearings

from tests.support.scripted_agent import ScriptedAgent
from tests.support.yard_house import ANN, SECONDS, YardHouse, a_yard, eventually, until

KERNEL = 7


def record(number: int, kind: RecordKind = RecordKind.STREAM, seq: int = 1) -> Record:
    return Record(number, 0, seq, kind, b'{"name":"stdout","text":"x"}')


def ended(seq: int = 1) -> Task:
    return Task(
        no=1,
        id="a-task",
        kernel_no=KERNEL,
        kernel_id="a-kernel",
        owner="ann",
        seq=seq,
        code="",
        created_at=0,
        state=TaskState.SUCCEEDED,
        first_number=4,
        last_number=6,
    )


WHOLE = [record(4, RecordKind.STARTED), record(5), record(6, RecordKind.ENDED)]


def test_a_task_is_heard_from_its_beginning_to_its_end() -> None:
    hearings = Hearings()
    with hearings.of(KERNEL, 1) as mine, hearings.of(KERNEL, 2) as other:
        hearings.tell(KERNEL, WHOLE[:2], Stored(5))
        assert mine.ended is None
        hearings.tell(KERNEL, [WHOLE[2], record(7, seq=2)], Stored(7, (ended(),)))
        assert mine.ended == ended()
        assert mine.records(ended()) == WHOLE
        assert other.ended is None


def test_one_who_came_late_knows_the_end_and_not_the_whole() -> None:
    hearings = Hearings()
    with hearings.of(KERNEL, 1) as mine:
        hearings.tell(KERNEL, WHOLE[1:], Stored(6, (ended(),)))
        assert mine.ended == ended()
        assert mine.records(ended()) is None


def test_when_the_following_breaks_off_nobody_takes_what_was_heard_for_the_whole() -> None:
    hearings = Hearings()
    with hearings.of(KERNEL, 1) as mine:
        with hearings.telling(KERNEL):
            assert hearings.are_told(KERNEL)
            hearings.tell(KERNEL, WHOLE[:1], Stored(4))
        assert not hearings.are_told(KERNEL)
        hearings.tell(KERNEL, WHOLE[1:], Stored(6, (ended(),)))
        assert mine.records(ended()) is None


def test_a_batch_that_was_stored_in_part_is_not_the_whole() -> None:
    hearings = Hearings()
    with hearings.of(KERNEL, 1) as mine:
        hearings.tell(KERNEL, WHOLE, Stored(5))
        assert not mine.whole


def test_of_a_batch_that_somebody_else_has_stored_the_end_is_read() -> None:
    hearings = Hearings()
    with hearings.of(KERNEL, 1) as mine:
        hearings.tell(KERNEL, WHOLE, Stored(6, whole=False))
        assert mine.ended is None
        assert not mine.whole


def test_of_large_outputs_nothing_is_held() -> None:
    hearings = Hearings()
    large = Record(5, 0, 1, RecordKind.STREAM, bytes(subject.MOST_BYTES + 1))
    with hearings.of(KERNEL, 1) as mine:
        hearings.tell(KERNEL, [WHOLE[0], large, WHOLE[2]], Stored(6, (ended(),)))
        assert mine.ended == ended()
        assert mine.records(ended()) is None


async def test_a_run_hears_what_is_stored(house: YardHouse) -> None:
    kernel = await house.kernel()
    ran = await house.yard.tasks.run(ANN, kernel.id, TaskOrder(code="print:a"), SECONDS)
    assert ran.created
    assert ran.task == await house.yard.tasks.get(ANN, ran.task.id)
    assert ran.records == await house.records(ran.task)


class PatientBell(LocalBell):
    """Whoever waits here wakes by a ring or not at all."""

    async def wait(self, topic: str, since: int, timeout: float) -> bool:
        return await super().wait(topic, since, 3600)


class QuickTasks(MemoryTasks):
    """Where another server has had a task run before whoever stored it was told that it is stored."""

    def __init__(self, store: MemoryStore, shelf: Shelf, bell: LocalBell) -> None:
        super().__init__(shelf)
        self._store = store
        self._bell = bell

    async def insert(self, task: Task, idempotency: Idempotency | None) -> tuple[Task, bool]:
        kept, created = await super().insert(task, idempotency)
        kernel = await self._store.kernels.by_no(kept.kernel_no)
        assert kernel is not None
        at = kernel.stored_number
        records = [
            Record(at + 1, 1, kept.seq, RecordKind.STARTED, b"{}"),
            Record(at + 2, 2, kept.seq, RecordKind.ENDED, b'{"state":"succeeded"}'),
        ]
        await self._store.outputs.append(kernel.no, records, project(records))
        self._bell.ring(settled_topic(kernel.no))
        return kept, created


async def test_the_end_of_a_run_is_not_missed_however_early_it_comes() -> None:
    store, bell, agent = MemoryStore(), PatientBell(), ScriptedAgent()
    async with a_yard(store=store, agent=agent) as other:
        kernel = await other.kernel()
        await eventually(lambda: _is_ready(store, kernel))
    store.tasks = QuickTasks(store, store.tasks._shelf, bell)
    agent.absent = True
    async with a_yard(store=store, agent=agent, bell=bell) as house, asyncio.timeout(SECONDS):
        ran = await house.yard.tasks.run(ANN, kernel.id, TaskOrder(code="x"), SECONDS)
        assert ran.task.state is TaskState.SUCCEEDED
    await agent.aclose()


async def _is_ready(store: MemoryStore, kernel: Kernel) -> bool:
    known = await store.kernels.by_no(kernel.no)
    return known is not None and known.ready_at is not None


async def test_many_who_run_on_one_kernel_are_each_told_of_their_own_end(house: YardHouse) -> None:
    kernel = await house.kernel()
    await house.task(kernel, "wait:go")
    runs = [
        asyncio.create_task(
            house.yard.tasks.run(ANN, kernel.id, TaskOrder(code=f"print:{n}"), SECONDS)
        )
        for n in range(20)
    ]
    tasks = house.yard.tasks
    while len((await tasks.list(ANN))[0]) < 21:
        await asyncio.sleep(0)
    house.agent.gates.release("go")
    for n, ran in enumerate(await asyncio.gather(*runs)):
        assert ran.task.state is TaskState.SUCCEEDED
        result = await house.yard.outputs.result_of_run(ran)
        assert result.stdout == f"{n}\n"


async def test_the_end_of_a_kernel_that_never_was_ends_a_run(house: YardHouse) -> None:
    kernel = await house.kernel(image="slow")
    run = asyncio.create_task(
        house.yard.tasks.run(ANN, kernel.id, TaskOrder(code="print:x"), SECONDS)
    )
    await until(lambda: house.agent.kernels)
    await house.yard.kernels.terminate(ANN, kernel.id)
    assert (await run).task.state is TaskState.CANCELLED
