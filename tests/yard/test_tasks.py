"""A task taken is a task run: once, in order, whoever is there to see it."""

from __future__ import annotations

import pytest

from kernelyard.model.errors import IdempotencyKeyReused, Invalid, KernelNotFound, TaskFinished
from kernelyard.model.tasks import TaskOrder, TaskState
from kernelyard.stores.memory.store import MemoryStore
from kernelyard.testing.clock import FakeClock

from tests.support.scripted_agent import ScriptedAgent
from tests.support.yard_house import ADMIN, ANN, BEN, YardHouse, a_yard, eventually


async def test_tasks_are_taken_while_the_kernel_starts_and_run_in_order(house: YardHouse) -> None:
    kernel = await house.kernel(image="slow")
    tasks = [await house.task(kernel, f"print:{n}") for n in range(20)]
    assert [task.seq for task in tasks] == list(range(1, 21))
    assert tasks[-1].ahead == 19
    house.agent.gates.release("start")
    ended = [await house.ended(task) for task in tasks]
    assert all(task.state is TaskState.SUCCEEDED for task in ended)
    firsts = [task.first_number or 0 for task in ended]
    assert firsts == sorted(firsts)


async def test_a_failed_task_tells_its_error_and_the_next_one_runs(house: YardHouse) -> None:
    kernel = await house.kernel()
    bad, good = await house.task(kernel, "raise:Oops"), await house.task(kernel, "print:fine")
    failed = await house.ended(bad)
    assert failed.state is TaskState.FAILED
    assert failed.error is not None
    assert (await house.ended(good)).state is TaskState.SUCCEEDED


async def test_a_queued_task_is_taken_out(house: YardHouse) -> None:
    kernel = await house.kernel()
    await house.task(kernel, "wait:go")
    queued = await house.task(kernel, "print:never")
    assert (await house.yard.tasks.cancel(ANN, queued.id)).cancel_requested
    ended = await house.ended(queued)
    assert ended.state is TaskState.CANCELLED
    assert ended.started_at is None
    house.agent.gates.release("go")


async def test_a_task_is_cancelled_before_its_kernel_is_up(house: YardHouse) -> None:
    kernel = await house.kernel(image="slow")
    task = await house.task(kernel, "print:never")
    await house.yard.tasks.cancel(ANN, task.id)
    house.agent.gates.release("start")
    assert (await house.ended(task)).state is TaskState.CANCELLED


async def test_a_running_task_is_cancelled_and_the_next_one_runs(house: YardHouse) -> None:
    kernel = await house.kernel()
    running = await house.task(kernel, "print:said\nhang")
    behind = await house.task(kernel, "print:next")
    await house.has_spoken(running)
    await house.yard.tasks.cancel(ANN, running.id)
    assert (await house.ended(running)).state is TaskState.CANCELLED
    assert (await house.ended(behind)).state is TaskState.SUCCEEDED
    assert (await house.yard.outputs.result(ANN, running.id)).stdout == "said\n"
    with pytest.raises(TaskFinished):
        await house.yard.tasks.cancel(ANN, running.id)


async def test_a_kernel_death_loses_the_running_task_and_cancels_the_rest(
    house: YardHouse,
) -> None:
    kernel = await house.kernel()
    running = await house.task(kernel, "print:before\ndie")
    behind = await house.task(kernel, "print:never")
    lost = await house.ended(running)
    assert lost.state is TaskState.LOST
    assert "SIGKILL" in (lost.reason or "")
    assert (await house.ended(behind)).state is TaskState.CANCELLED


NEEDED_FAILED = "the task it needs did not succeed (failed)"
NEEDED_CANCELLED = "the task it needs did not succeed (cancelled)"


async def test_a_task_runs_when_what_it_needs_has_succeeded(house: YardHouse) -> None:
    kernel = await house.kernel()
    first = await house.task(kernel, "print:x")
    second = await house.task(kernel, "print:y", needs=first)
    assert (second.needs_id, second.needs_seq) == (first.id, first.seq)
    ended = await house.ended(second)
    assert (ended.state, ended.needs_id) == (TaskState.SUCCEEDED, first.id)


async def test_what_needs_a_failing_task_never_starts_nor_what_needs_that(
    house: YardHouse,
) -> None:
    kernel = await house.kernel()
    bad = await house.task(kernel, "wait:go\nraise:Oops")
    needing = await house.task(kernel, "print:never", needs=bad)
    further = await house.task(kernel, "print:never", needs=needing)
    other = await house.task(kernel, "print:fine")
    house.agent.gates.release("go")
    assert (await house.ended(other)).state is TaskState.SUCCEEDED
    for task, reason in ((needing, NEEDED_FAILED), (further, NEEDED_CANCELLED)):
        ended = await house.ended(task)
        assert (ended.state, ended.started_at) == (TaskState.CANCELLED, None)
        assert ended.reason == reason


async def test_a_task_may_need_one_that_has_ended_already(house: YardHouse) -> None:
    kernel = await house.kernel()
    good, bad = await house.task(kernel, "print:x"), await house.task(kernel, "raise:Oops")
    await house.ended(good)
    await house.ended(bad)
    met, vain = [await house.task(kernel, "print:y", needs=task) for task in (good, bad)]
    assert (await house.ended(met)).state is TaskState.SUCCEEDED
    assert (await house.ended(vain)).reason == NEEDED_FAILED


async def test_cancelling_a_task_cancels_what_needs_it(house: YardHouse) -> None:
    kernel = await house.kernel(image="slow")
    first = await house.task(kernel, "print:never")
    second = await house.task(kernel, "print:never", needs=first)
    await house.yard.tasks.cancel(ANN, first.id)
    assert (await house.ended(second)).reason == NEEDED_CANCELLED


async def test_only_a_task_of_the_same_kernel_can_be_needed(house: YardHouse) -> None:
    kernel, other = await house.kernel(), await house.kernel()
    elsewhere = await house.task(other, "print:x")
    with pytest.raises(Invalid, match="same kernel") as refused:
        await house.task(kernel, "print:y", needs=elsewhere)
    assert refused.value.field == "needs"
    with pytest.raises(Invalid, match="same kernel"):
        order = TaskOrder(code="print:y", needs="00000000-0000-4000-8000-000000000000")
        await house.yard.tasks.submit(ANN, kernel.id, order)
    await house.yard.kernels.delete(ANN, kernel.id)
    with pytest.raises(KernelNotFound):
        await house.yard.tasks.submit(ANN, kernel.id, order)


async def test_a_new_server_hands_over_what_a_task_needs() -> None:
    agent, store = ScriptedAgent(), MemoryStore()
    async with a_yard(store=store, agent=agent) as old:
        kernel = await old.kernel()
        bad = await old.task(kernel, "raise:Oops")
        await old.ended(bad)
        agent.absent = True
        vain = await old.task(kernel, "print:never", needs=bad)
    agent.absent = False
    async with a_yard(store=store, agent=agent) as new:
        assert (await new.ended(vain)).reason == NEEDED_FAILED
    await agent.aclose()


async def test_an_idempotency_key_gives_the_same_task(house: YardHouse) -> None:
    kernel = await house.kernel()
    order = TaskOrder(code="print:x")
    first, _ = await house.yard.tasks.submit(ANN, kernel.id, order, idempotency_key="k")
    again, created = await house.yard.tasks.submit(ANN, kernel.id, order, idempotency_key="k")
    assert (again.id, created) == (first.id, False)
    with pytest.raises(IdempotencyKeyReused):
        other = TaskOrder(code="print:y")
        await house.yard.tasks.submit(ANN, kernel.id, other, idempotency_key="k")
    with pytest.raises(IdempotencyKeyReused):
        needing = TaskOrder(code="print:x", needs=first.id)
        await house.yard.tasks.submit(ANN, kernel.id, needing, idempotency_key="k")


async def test_code_that_cannot_be_sent_is_refused(house: YardHouse) -> None:
    kernel = await house.kernel()
    with pytest.raises(Invalid, match="surrogate"):
        await house.task(kernel, "print:\ud800")
    with pytest.raises(Invalid, match="NUL"):
        await house.task(kernel, "print:\0")
    with pytest.raises(Invalid, match="characters"):
        await house.task(kernel, "x" * (8 * 1024 * 1024 + 1))


async def test_nobody_runs_code_on_anothers_kernel(house: YardHouse) -> None:
    kernel = await house.kernel(ANN)
    with pytest.raises(KernelNotFound):
        await house.task(kernel, "print:x", BEN)
    mine = await house.task(kernel, "print:x", ANN)
    others, _ = await house.yard.tasks.list(BEN)
    assert others == []
    everybodys, _ = await house.yard.tasks.list(ADMIN)
    assert [task.id for task in everybodys] == [mine.id]


async def test_waiting_ends_at_the_callers_patience(house: YardHouse) -> None:
    task = await house.task(await house.kernel(), "hang")
    assert not (await house.yard.tasks.wait(ANN, task.id, 0.0)).state.is_final


async def test_a_new_server_goes_on_where_the_old_one_was() -> None:
    agent, store = ScriptedAgent(), MemoryStore()
    async with a_yard(store=store, agent=agent) as old:
        kernel = await old.kernel()
        running = await old.task(kernel, "print:a\nwait:go\nprint:b")
        behind = await old.task(kernel, "print:c")
        await old.has_spoken(running)
    agent.gates.release("go")
    async with a_yard(store=store, agent=agent) as new:
        for task in (running, behind):
            assert (await new.ended(task)).state is TaskState.SUCCEEDED
        assert (await new.yard.outputs.result(ANN, running.id)).stdout == "a\nb\n"
    await agent.aclose()


async def test_what_was_stored_and_never_handed_over_is_handed_over_by_the_next_server() -> None:
    agent, store = ScriptedAgent(), MemoryStore()
    async with a_yard(store=store, agent=agent) as old:
        kernel = await old.kernel()
        await old.ended(await old.task(kernel, "print:x"))
        agent.absent = True
        stored = await old.task(kernel, "print:later")
    agent.absent = False
    async with a_yard(store=store, agent=agent) as new:
        assert (await new.ended(stored)).state is TaskState.SUCCEEDED
    await agent.aclose()


async def test_an_absent_agent_only_delays() -> None:
    clock = FakeClock()
    async with a_yard(clock=clock) as house:
        kernel = await house.kernel()
        await house.yard.kernels.wait(ANN, kernel.id, until="ready", timeout=10)
        house.agent.absent = True
        task = await house.task(kernel, "print:x")
        house.agent.absent = False

        async def done() -> bool:
            await clock.advance(1)
            return (await house.yard.tasks.get(ANN, task.id)).state.is_final

        await eventually(done)
        assert (await house.ended(task)).state is TaskState.SUCCEEDED


async def test_many_tasks_at_once_are_each_run_once(house: YardHouse) -> None:
    kernel = await house.kernel()
    tasks = [await house.task(kernel, f"print:{n}") for n in range(300)]
    for task in tasks:
        assert (await house.ended(task)).state is TaskState.SUCCEEDED
    ran = [r.seq for r in house.agent.kernels[kernel.id].journal if r.kind == "started"]
    assert ran == [task.seq for task in tasks]
