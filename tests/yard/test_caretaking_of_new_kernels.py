"""A kernel that has just been made is looked after as it was stored; what comes in between is seen, too."""

from __future__ import annotations

import asyncio

from kernelyard.model.kernel_phases import KernelState, Phase
from kernelyard.model.kernels import Kernel
from kernelyard.model.tasks import TaskState
from kernelyard.stores.memory.kernels import MemoryKernels
from kernelyard.stores.memory.store import MemoryStore

from tests.support.scripted_agent import ScriptedAgent
from tests.support.yard_house import ANN, YardHouse, a_yard, until


class CountedKernels(MemoryKernels):
    """Counts what the road of a new kernel could do without."""

    read = 0
    launching = 0

    async def by_no(self, no: int) -> Kernel | None:
        self.read += 1
        return await super().by_no(no)

    async def enter(self, no: int, phase: Phase, reason: str | None, at: int) -> Kernel | None:
        self.launching += phase is Phase.LAUNCHING
        return await super().enter(no, phase, reason, at)


def _counted(store: MemoryStore) -> CountedKernels:
    store.kernels = CountedKernels(store.kernels._shelf)
    return store.kernels


async def test_a_new_kernel_is_launched_as_it_was_stored(house: YardHouse) -> None:
    assert isinstance(house.store, MemoryStore)
    counted = _counted(house.store)
    kernel = await house.kernel(image="slow")
    await until(lambda: house.agent.launches)
    assert kernel.phase is Phase.LAUNCHING, "as the agent is there, that is noted with the row"
    assert (counted.read, counted.launching) == (0, 0)


async def test_without_an_agent_a_new_kernel_waits_and_can_be_ended() -> None:
    agent = ScriptedAgent()
    async with a_yard(agent=agent) as house:
        await house.yard.images.usable("python3")
        agent.absent = True
        house.yard._agents.mistrust()
        kernel = await house.kernel()
        assert kernel.phase is Phase.REQUESTED
        await house.yard.kernels.terminate(ANN, kernel.id)
        ended = await house.yard.kernels.wait(ANN, kernel.id, until="ended", timeout=10)
        assert ended.state is KernelState.TERMINATED
    await agent.aclose()


async def test_an_agent_that_goes_meanwhile_launches_the_kernel_when_it_is_back() -> None:
    agent = ScriptedAgent()
    async with a_yard(agent=agent) as house:
        await house.yard.images.usable("python3")
        agent.absent = True
        kernel = await house.kernel()
        task = await house.task(kernel, "print:x")
        agent.absent = False
        assert (await house.ended(task)).state is TaskState.SUCCEEDED
    await agent.aclose()


async def test_a_stop_right_behind_the_making_is_seen(house: YardHouse) -> None:
    kernel = await house.kernel(image="slow")
    task = await house.task(kernel, "print:never")
    await house.yard.kernels.terminate(ANN, kernel.id)
    ended = await house.yard.kernels.wait(ANN, kernel.id, until="ended", timeout=10)
    assert ended.state is KernelState.TERMINATED
    assert (await house.ended(task)).state is TaskState.CANCELLED


async def test_tasks_right_behind_the_making_run_in_order(house: YardHouse) -> None:
    made = await asyncio.gather(*(house.kernel() for _ in range(5)))
    tasks = [await house.task(kernel, f"print:{n}") for n in range(3) for kernel in made]
    ends = [await house.ended(task) for task in tasks]
    assert {end.state for end in ends} == {TaskState.SUCCEEDED}
    for kernel in made:
        numbers = [end.first_number or 0 for end in ends if end.kernel_id == kernel.id]
        assert numbers == sorted(numbers)
