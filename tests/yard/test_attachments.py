"""Who follows a kernel is attached to it; its agent is told, and again, and no more once he has left."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from kernelyard.model.errors import AgentUnavailable
from kernelyard.yard.attachments import LEASE_SECONDS, Attachments

from tests.support.scripted_agent import ScriptedAgent, ScriptedLink
from tests.support.yard_house import ANN, YardHouse, until


class Agents:
    """Leads to a scripted agent, and counts how often it was doubted."""

    def __init__(self, agent: ScriptedAgent) -> None:
        self.agent = agent
        self.doubts = 0

    async def link(self) -> ScriptedLink:
        if self.agent.absent:
            raise AgentUnavailable
        return ScriptedLink(self.agent)

    def mistrust(self) -> None:
        self.doubts += 1


class Clock:
    """Counts how often somebody slept, and lets a test say when that is over."""

    def __init__(self) -> None:
        self.slept = 0
        self.over = asyncio.Event()

    def now(self) -> int:
        return 0

    async def sleep(self, seconds: float) -> None:
        self.slept += 1
        await self.over.wait()
        self.over.clear()


async def test_following_a_kernel_attaches_and_leaving_lets_go(house: YardHouse) -> None:
    kernel = await house.kernel()
    task = await house.task(kernel, "print:1")
    await house.ended(task)
    kernel = await house.yard.kernels.get(ANN, kernel.id)
    batches = await house.yard.outputs.kernel_follow(ANN, kernel.id, 0)
    async with aclosing(batches):
        async for _ in batches:
            break
        await until(lambda: house.agent.attached.get(kernel.id) == LEASE_SECONDS)


async def test_following_a_task_does_not_attach(house: YardHouse) -> None:
    kernel = await house.kernel()
    task = await house.task(kernel, "print:1")
    await house.has_spoken(task)
    await house.ended(task)
    assert house.agent.attached == {}


async def test_the_agent_is_told_again_before_the_time_is_over(house: YardHouse) -> None:
    kernel = await house.kernel()
    await house.ended(await house.task(kernel, "print:1"))
    clock, agents = Clock(), Agents(house.agent)
    attachments = Attachments(agents, clock)  # type: ignore[arg-type]
    async with attachments.attached(kernel.id), attachments.attached(kernel.id):
        assert attachments.holds(kernel.id)
        await until(lambda: clock.slept == 1)
        assert house.agent.attached.pop(kernel.id) == LEASE_SECONDS
        clock.over.set()
        await until(lambda: kernel.id in house.agent.attached)
    assert not attachments.holds(kernel.id)


async def test_an_agent_that_is_away_is_asked_for_again(house: YardHouse) -> None:
    kernel = await house.kernel()
    await house.ended(await house.task(kernel, "print:1"))
    clock, agents = Clock(), Agents(house.agent)
    attachments = Attachments(agents, clock)  # type: ignore[arg-type]
    house.agent.absent = True
    async with attachments.attached(kernel.id):
        await until(lambda: clock.slept == 1)
        assert (agents.doubts, house.agent.attached) == (1, {})
        house.agent.absent = False
        clock.over.set()
        await until(lambda: kernel.id in house.agent.attached)
