"""A journal is copied once; one that cannot be trusted any more ends its kernel instead of blocking it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kernelyard.model.errors import KernelNotFound
from kernelyard.model.kernel_phases import KernelState
from kernelyard.model.tasks import Task, TaskState
from kernelyard.stores.memory.store import MemoryStore
from kernelyard.yard.dispatch import MOST_CODE, portions

from tests.support.scripted_agent import ScriptedAgent
from tests.support.yard_house import ANN, a_yard, eventually


@pytest.mark.parametrize("damage", ["shorter", "another"])
async def test_a_journal_that_lost_what_was_stored_ends_its_kernel_and_settles_its_tasks(
    damage: str,
) -> None:
    agent, store = ScriptedAgent(), MemoryStore()
    async with a_yard(store=store, agent=agent) as old:
        kernel = await old.kernel()
        done = await old.task(kernel, "lines:5")
        await old.ended(done)
        running = await old.task(kernel, "print:x\nhang")
        await old.has_spoken(running)
    journal = agent.kernels[kernel.id].journal
    if damage == "shorter":
        del journal[-2:]
    else:
        journal[:] = [replace(record, at=record.at + 1) for record in journal]
    async with a_yard(store=store, agent=agent) as new:
        ended = await new.yard.kernels.wait(ANN, kernel.id, until="ended", timeout=10)
        assert ended.state is KernelState.FAILED
        assert "journal" in (ended.reason or "")
        assert (await new.ended(running)).state is TaskState.LOST
        assert (await new.yard.outputs.result(ANN, done.id)).stdout == "".join(
            f"line {n}\n" for n in range(5)
        )
        assert agent.kernels[kernel.id].closed
        await new.yard.kernels.delete(ANN, kernel.id)

        async def gone() -> bool:
            return await store.kernels.by_no(kernel.no) is None

        await eventually(gone)
        with pytest.raises(KernelNotFound):
            await new.yard.kernels.get(ANN, kernel.id)
    await agent.aclose()


def test_tasks_are_handed_over_in_portions_that_fit_a_frame() -> None:
    def a_task(seq: int, size: int) -> Task:
        code = "#" * size
        return Task(
            no=seq,
            id=str(seq),
            kernel_no=1,
            kernel_id="k",
            owner="a",
            seq=seq,
            code=code,
            created_at=0,
        )

    sizes = [MOST_CODE + 1, 5, 5, MOST_CODE - 5, 6, MOST_CODE * 2]
    tasks = [a_task(seq, size) for seq, size in enumerate(sizes, 1)]
    found = list(portions(tasks))
    assert [task for portion in found for task in portion] == tasks
    assert [[task.seq for task in portion] for portion in found] == [[1], [2, 3], [4], [5], [6]]
    assert list(portions([])) == []
