"""Outputs that were kept long enough go, and whoever asks for them is told so."""

from __future__ import annotations

import pytest

from kernelyard.model.errors import KernelNotFound
from kernelyard.model.kernels import Kernel
from kernelyard.model.tasks import Task, TaskState
from kernelyard.ports.clock import Clock
from kernelyard.stores.memory.store import MemoryStore
from kernelyard.testing.clock import FakeClock
from kernelyard.yard.limits import Limits
from kernelyard.yard.retention import LOOK_SECONDS, PORTION

from tests.support.scripted_agent import ScriptedAgent
from tests.support.yard_house import ANN, YardHouse, a_yard

DAY = 86_400.0


async def ended(house: YardHouse, code: str = "lines:3") -> tuple[Kernel, Task]:
    """A kernel that ran one task and has ended, and the task."""
    kernel = await house.kernel()
    task = await house.ended(await house.task(kernel, code))
    await house.yard.kernels.terminate(ANN, kernel.id)
    await house.yard.kernels.wait(ANN, kernel.id, until="ended", timeout=10)
    assert (await house.yard.outputs.kernel_page(ANN, kernel.id, 0, 1000)).complete
    return await house.yard.kernels.get(ANN, kernel.id), task


def a_clock_after(kernel: Kernel, seconds: float) -> FakeClock:
    assert kernel.ended_at is not None
    return FakeClock(kernel.ended_at + round(seconds * 1_000_000))


async def removed(house: YardHouse, kernel: Kernel) -> bool:
    return (await house.yard.kernels.get(ANN, kernel.id)).outputs_removed_at is not None


async def test_outputs_are_removed_when_their_time_has_come_and_no_earlier() -> None:
    agent, store = ScriptedAgent(), MemoryStore()
    async with a_yard(store=store, agent=agent) as house:
        kernel, task = await ended(house)
    clock: Clock = a_clock_after(kernel, DAY - 30)
    limits = Limits(keep_outputs_seconds=DAY)
    async with a_yard(store=store, agent=agent, clock=clock, limits=limits) as house:
        assert isinstance(clock, FakeClock)
        await clock.advance(1)
        assert not await removed(house, kernel)
        assert kernel.id in agent.kernels
        await clock.advance(LOOK_SECONDS)
        assert await removed(house, kernel)
        assert kernel.id not in agent.kernels
        await told_to_whoever_asks(house, kernel, task)
    await agent.aclose()


async def told_to_whoever_asks(house: YardHouse, kernel: Kernel, task: Task) -> None:
    """The task is as it was, and everything that reads comes to an end."""
    yard = house.yard
    known = await yard.tasks.get(ANN, task.id)
    assert (known.state, known.last_number) == (TaskState.SUCCEEDED, task.last_number)
    assert task.last_number is not None
    assert task.first_number is not None
    for after in (0, task.first_number, task.last_number - 1, task.last_number):
        page = await yard.outputs.page(ANN, task.id, after, 10)
        assert (page.records, page.complete) == ([], True)
        assert await house.records(task, after) == []
    whole = await yard.outputs.result(ANN, task.id)
    assert (whole.stdout, whole.outputs_removed) == ("", True)
    assert [text async for text in await yard.outputs.streams(ANN, task.id, "stdout")] == []
    page = await yard.outputs.kernel_page(ANN, kernel.id, 0, 10)
    assert (page.records, page.complete) == ([], True)
    following = await yard.outputs.kernel_follow(ANN, kernel.id, 0)
    assert [record async for batch in following for record in batch] == []
    assert (await yard.logs.read(ANN, kernel.id, None, None)).text == ""


async def test_outputs_of_a_kernel_that_lives_stay() -> None:
    clock = FakeClock()
    async with a_yard(
        clock=clock, limits=Limits(keep_outputs_seconds=1, keep_outputs_bytes=1)
    ) as house:
        task = await house.ended(await house.task(await house.kernel(), "lines:3"))
        await clock.advance(DAY)
        whole = await house.yard.outputs.result(ANN, task.id)
        assert (whole.stdout.count("line"), whole.outputs_removed) == (3, False)


async def test_the_oldest_go_until_the_rest_is_within_the_size() -> None:
    agent, store = ScriptedAgent(), MemoryStore()
    async with a_yard(store=store, agent=agent) as house:
        kernels = [(await ended(house))[0] for _ in range(5)]
    total = await store.kernels.kept_bytes()
    clock, limits = a_clock_after(kernels[-1], 1), Limits(keep_outputs_bytes=total // 2)
    async with a_yard(store=store, agent=agent, clock=clock, limits=limits) as house:
        await clock.advance(LOOK_SECONDS)
        gone = [await removed(house, kernel) for kernel in kernels]
    assert gone == sorted(gone, reverse=True)
    assert sum(gone) == 3
    assert await store.kernels.kept_bytes() <= total // 2
    await agent.aclose()


async def test_many_are_swept_portion_by_portion() -> None:
    agent, store = ScriptedAgent(), MemoryStore()
    async with a_yard(store=store, agent=agent) as house:
        kernels = [(await ended(house, "print:x"))[0] for _ in range(PORTION + 2)]
    clock, limits = a_clock_after(kernels[-1], DAY), Limits(keep_outputs_seconds=DAY / 2)
    async with a_yard(store=store, agent=agent, clock=clock, limits=limits) as house:
        await clock.advance(0.1)
        gone = [await removed(house, kernel) for kernel in kernels]
        assert gone == [True] * PORTION + [False] * 2
        await clock.advance(LOOK_SECONDS)
        assert all([await removed(house, kernel) for kernel in kernels])
    await agent.aclose()


async def test_kernels_are_deleted_entirely_when_their_time_has_come() -> None:
    agent, store = ScriptedAgent(), MemoryStore()
    async with a_yard(store=store, agent=agent) as house:
        kernel, _ = await ended(house)
        live = await house.kernel()
        await house.yard.kernels.wait(ANN, live.id, until="ready", timeout=10)
    clock, limits = a_clock_after(kernel, DAY), Limits(keep_kernels_seconds=DAY / 2)
    async with a_yard(store=store, agent=agent, clock=clock, limits=limits) as house:
        await clock.advance(LOOK_SECONDS)
        with pytest.raises(KernelNotFound):
            await house.yard.kernels.get(ANN, kernel.id)
        assert await store.kernels.by_no(kernel.no) is None
        assert kernel.id not in agent.kernels
        assert (await house.yard.kernels.get(ANN, live.id)).ended_at is None
    await agent.aclose()


async def test_while_the_agent_is_away_nothing_is_removed_half() -> None:
    agent, store = ScriptedAgent(), MemoryStore()
    async with a_yard(store=store, agent=agent) as house:
        kernel, task = await ended(house)
    clock, limits = a_clock_after(kernel, DAY), Limits(keep_outputs_seconds=DAY / 2)
    agent.absent = True
    async with a_yard(store=store, agent=agent, clock=clock, limits=limits) as house:
        await clock.advance(LOOK_SECONDS)
        assert (await house.yard.outputs.result(ANN, task.id)).stdout
        agent.absent = False
        await clock.advance(LOOK_SECONDS)
        assert await removed(house, kernel)
    await agent.aclose()


async def test_several_servers_at_once_do_no_harm() -> None:
    agent, store = ScriptedAgent(), MemoryStore()
    async with a_yard(store=store, agent=agent) as house:
        kernels = [(await ended(house))[0] for _ in range(3)]
    clock, limits = a_clock_after(kernels[-1], DAY), Limits(keep_outputs_seconds=DAY / 2)
    async with (
        a_yard(store=store, agent=agent, clock=clock, limits=limits) as one,
        a_yard(store=store, agent=agent, clock=clock, limits=limits),
    ):
        await clock.advance(LOOK_SECONDS)
        assert all([await removed(one, kernel) for kernel in kernels])
    await agent.aclose()


async def test_without_a_limit_everything_is_kept() -> None:
    agent, store = ScriptedAgent(), MemoryStore()
    async with a_yard(store=store, agent=agent) as house:
        kernel, task = await ended(house)
    clock = a_clock_after(kernel, 3000 * DAY)
    async with a_yard(store=store, agent=agent, clock=clock) as house:
        await clock.advance(LOOK_SECONDS)
        assert not await removed(house, kernel)
        assert (await house.yard.outputs.result(ANN, task.id)).stdout
    await agent.aclose()
