"""A store that was set back goes on with a journal that was cut meanwhile, and says what is lost."""

from __future__ import annotations

from copy import deepcopy

import pytest

from kernelyard.model.kernel_phases import KernelState
from kernelyard.model.projection import body_of
from kernelyard.model.records import Record, RecordKind
from kernelyard.model.tasks import Task, TaskState
from kernelyard.stores.memory.store import MemoryStore
from kernelyard.stores.transitions import new_records
from kernelyard.testing.stores.builders import NOON, kept_kernel, kept_tasks
from kernelyard.yard.gaps import bridged

from tests.support.scripted_agent import ScriptedAgent
from tests.support.yard_house import ANN, YardHouse, a_yard, eventually


@pytest.mark.parametrize("middle", [False, True])
async def test_a_kernel_goes_on_behind_a_gap_and_what_ended_in_it_is_lost(middle: bool) -> None:
    agent, store = ScriptedAgent(), MemoryStore()
    async with a_yard(store=store, agent=agent) as old:
        kernel = await old.kernel()
        done = await old.task(kernel, "lines:3")
        await old.ended(done)
        running = await old.task(kernel, "print:early\nwait:go\nprint:unheard")
        queued = await old.task(kernel, "print:never stored")
        last = await old.task(kernel, "print:begun\nwait:end\nprint:late")
        await old.has_spoken(running)
        set_back = deepcopy(store)
        agent.gates.release("go")
        await old.has_spoken(last)
    journal = agent.kernels[kernel.id].journal
    begun = next(r.number for r in journal if r.kind is RecordKind.STARTED and r.seq == last.seq)
    agent.cut[kernel.id] = begun + middle
    async with a_yard(store=set_back, agent=agent) as new:
        lost = [await new.ended(task) for task in (running, queued)]
        assert [task.state for task in lost] == [TaskState.LOST, TaskState.LOST]
        assert all("set back" in (task.reason or "") for task in lost)
        agent.gates.release("end")
        ended = await new.ended(last)
        assert ended.state is TaskState.SUCCEEDED
        assert (await new.yard.outputs.result(ANN, last.id)).stdout == "begun\nlate\n"
        assert (await new.yard.outputs.result(ANN, running.id)).stdout == "early\n"
        assert (await new.yard.outputs.result(ANN, running.id)).gaps == 1
        assert (await new.yard.outputs.result(ANN, done.id)).stdout == "line 0\nline 1\nline 2\n"
        page = await new.yard.outputs.kernel_page(ANN, kernel.id, 0, 1000)
        numbers = [record.number for record in page.records]
        (gap,) = [record for record in page.records if record.kind is RecordKind.GAP]
        missing = body_of(gap)["records"]
        assert numbers == sorted(set(numbers))
        assert numbers[-1] - len(numbers) == missing - 1
        assert (await new.yard.kernels.get(ANN, kernel.id)).state is KernelState.IDLE
    await agent.aclose()


async def test_a_journal_cut_just_behind_what_is_stored_has_no_gap() -> None:
    agent, store = ScriptedAgent(), MemoryStore()
    async with a_yard(store=store, agent=agent) as old:
        kernel = await old.kernel()
        running = await old.task(kernel, "print:early\nwait:go\nprint:late")
        await old.has_spoken(running)
    agent.cut[kernel.id] = len(agent.kernels[kernel.id].journal) + 1
    async with a_yard(store=store, agent=agent) as new:
        agent.gates.release("go")
        assert (await new.ended(running)).state is TaskState.SUCCEEDED
        result = await new.yard.outputs.result(ANN, running.id)
        assert (result.stdout, result.gaps) == ("early\nlate\n", 0)
    await agent.aclose()


async def test_behind_the_end_of_a_kernel_every_open_task_is_lost() -> None:
    agent, store = ScriptedAgent(), MemoryStore()
    async with a_yard(store=store, agent=agent) as old:
        kernel = await old.kernel()
        tasks = [await old.task(kernel, "wait:go"), await old.task(kernel, "print:x")]
        await eventually(lambda: is_running(old, tasks[0]))
        set_back = deepcopy(store)
        agent.gates.release("go")
        for task in tasks:
            await old.ended(task)
        await old.yard.kernels.terminate(ANN, kernel.id)
        await old.yard.kernels.wait(ANN, kernel.id, until="ended", timeout=10)
    agent.cut[kernel.id] = len(agent.kernels[kernel.id].journal)
    async with a_yard(store=set_back, agent=agent) as new:
        states = [(await new.ended(task)).state for task in tasks]
        assert states == [TaskState.LOST, TaskState.LOST]
        assert (await new.yard.kernels.get(ANN, kernel.id)).state is KernelState.TERMINATED
    await agent.aclose()


async def is_running(house: YardHouse, task: Task) -> bool:
    return (await house.yard.tasks.get(ANN, task.id)).state is TaskState.RUNNING


def test_only_a_gap_may_stand_for_records_that_are_missing() -> None:
    def a_record(number: int, kind: RecordKind, body: bytes = b"{}") -> Record:
        return Record(number, 0, 0, kind, body)

    gap = a_record(9, RecordKind.GAP, b'{"records":5}')
    after = a_record(10, RecordKind.STREAM)
    assert new_records(4, [gap, after]) == [gap, after]
    assert new_records(7, [gap, after]) == [gap, after]
    assert new_records(9, [gap, after]) == [after]
    assert new_records(3, [gap, after]) == []
    assert new_records(8, [a_record(9, RecordKind.GAP), after, after]) == [
        a_record(9, RecordKind.GAP),
        after,
    ]
    assert new_records(4, [a_record(9, RecordKind.STREAM, b'{"records":5}')]) == []


async def test_an_end_from_the_queue_says_nothing_of_the_tasks_before_it() -> None:
    store = MemoryStore()
    kernel = await kept_kernel(store)
    await kept_tasks(store, kernel, 3)

    def record(number: int, seq: int, kind: RecordKind, body: bytes) -> Record:
        return Record(number, NOON + number, seq, kind, body)

    taken_out = record(9, 3, RecordKind.ENDED, b'{"state":"cancelled","stopped_by":"queue"}')
    spoke = record(10, 2, RecordKind.STREAM, b'{"name":"stdout","text":"x"}')
    gap, lost, begun, *rest = await bridged(store, kernel, [taken_out, spoke])
    assert gap.kind is RecordKind.GAP
    assert [(one.seq, one.kind) for one in (lost, begun)] == [
        (1, RecordKind.ENDED),
        (2, RecordKind.STARTED),
    ]
    assert rest == [taken_out, spoke]
    (only, *left) = await bridged(store, kernel, [taken_out])
    assert (only.kind, left) == (RecordKind.GAP, [taken_out])
