"""Two servers on one store keep a pool together, and each kernel of it is given away once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from kernelyard.model.kernel_phases import KernelState
from kernelyard.model.pools import PoolOrder
from kernelyard.model.tasks import TaskState
from kernelyard.stores.memory.store import MemoryStore

from tests.support.linked_bells import LinkedBell
from tests.support.scripted_agent import ScriptedAgent
from tests.support.yard_house import ADMIN, YardHouse, a_yard, eventually

SIZE = 4


@pytest.fixture
async def agent() -> AsyncIterator[ScriptedAgent]:
    """The agent of both."""
    agent = ScriptedAgent()
    yield agent
    await agent.aclose()


@pytest.fixture
async def houses(agent: ScriptedAgent) -> AsyncIterator[tuple[YardHouse, YardHouse]]:
    """Two servers, with a pool that the first has filled."""
    store, line = MemoryStore(shared=True), list[LinkedBell]()
    async with (
        a_yard(store=store, agent=agent, bell=LinkedBell(line)) as one,
        a_yard(store=store, agent=agent, bell=LinkedBell(line)) as two,
    ):
        await one.yard.pools.set(ADMIN, PoolOrder(image="python3", size=SIZE))
        await filled(one)
        yield one, two


async def filled(house: YardHouse) -> None:
    """Wait until the pool is full."""

    async def check() -> bool:
        (pool,) = await house.yard.pools.list(ADMIN)
        return (pool.ready, pool.starting) == (SIZE, 0)

    await eventually(check)


async def test_both_together_make_no_more_than_are_wanted(
    houses: tuple[YardHouse, YardHouse], agent: ScriptedAgent
) -> None:
    for house in houses:
        await filled(house)
    assert len(agent.launches) == SIZE


async def test_creates_through_both_get_different_kernels(
    houses: tuple[YardHouse, YardHouse],
) -> None:
    one, two = houses
    kernels = await asyncio.gather(*((one, two)[n % 2].kernel() for n in range(2 * SIZE)))
    assert len({kernel.id for kernel in kernels}) == 2 * SIZE
    assert sum(kernel.state is KernelState.IDLE for kernel in kernels) == SIZE
    for n, kernel in enumerate(kernels):
        house = (two, one)[n % 2]
        assert (await house.ended(await house.task(kernel, "print:x"))).state is (
            TaskState.SUCCEEDED
        )


async def test_what_one_claims_is_told_to_the_agent_before_a_task_of_the_other_is_run(
    houses: tuple[YardHouse, YardHouse], agent: ScriptedAgent
) -> None:
    one, two = houses
    bell = two.yard._bell
    assert isinstance(bell, LinkedBell)
    # So the server that looks after the kernel hears nothing of the claim, but gets its task.
    bell.cut = True
    kernel = await two.kernel()
    task = await one.task(kernel, "print:x")
    assert (await one.ended(task)).state is TaskState.SUCCEEDED
    assert [claim.kernel_id for claim in agent.claims] == [kernel.id]
