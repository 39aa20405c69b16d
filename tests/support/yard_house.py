"""A real yard on a store in memory, with a scripted agent and, where wanted, a clock that tests move."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from kernelyard.clock import SystemClock
from kernelyard.model.kernels import Kernel, KernelOrder
from kernelyard.model.principals import Principal, Role
from kernelyard.model.records import OUTPUT_KINDS, Record
from kernelyard.model.tasks import Task, TaskOrder
from kernelyard.ports.bell import Bell
from kernelyard.ports.clock import Clock
from kernelyard.ports.stores import Store
from kernelyard.stores.memory.bell import LocalBell
from kernelyard.stores.memory.store import MemoryStore
from kernelyard.yard.limits import Limits
from kernelyard.yard.yard import Yard

from tests.support.scripted_agent import ScriptedAgent, ScriptedEngine, ScriptedLinks

ADMIN = Principal("admin", Role.ADMIN)
ANN = Principal("ann", Role.USER)
BEN = Principal("ben", Role.USER)
SECONDS = 10.0


@dataclass
class YardHouse:
    """A yard, its store, and the agent behind it."""

    yard: Yard
    store: Store
    agent: ScriptedAgent

    async def kernel(self, who: Principal = ANN, image: str = "python3", **rest: str) -> Kernel:
        """A new kernel."""
        kernel, _ = await self.yard.kernels.create(who, KernelOrder(image=image, **rest))
        return kernel

    async def task(
        self, kernel: Kernel, code: str, who: Principal = ANN, *, needs: Task | None = None
    ) -> Task:
        """A new task."""
        order = TaskOrder(code=code, needs=needs.id if needs else None)
        task, _ = await self.yard.tasks.submit(who, kernel.id, order)
        return task

    async def ended(self, task: Task, who: Principal = ANN) -> Task:
        """The task, once it has ended."""
        task = await self.yard.tasks.wait(who, task.id, SECONDS)
        assert task.state.is_final, task.state
        return task

    async def has_spoken(self, task: Task, who: Principal = ANN) -> None:
        """Wait until the task has put out something."""
        async for batch in await self.yard.outputs.follow(who, task.id, 0):
            if any(record.kind in OUTPUT_KINDS for record in batch):
                return

    async def records(self, task: Task, after: int = 0, who: Principal = ANN) -> list[Record]:
        """All records of a task, followed to its end."""
        following = await self.yard.outputs.follow(who, task.id, after)
        return [record async for batch in following for record in batch]


@asynccontextmanager
async def a_yard(
    *,
    store: Store | None = None,
    agent: ScriptedAgent | None = None,
    clock: Clock | None = None,
    limits: Limits | None = None,
    bell: Bell | None = None,
) -> AsyncIterator[YardHouse]:
    """Open a yard; the agent is closed with it unless it was given."""
    its_agent = agent or ScriptedAgent()
    its_store = store or MemoryStore()
    yard = Yard(
        store=its_store,
        engine=ScriptedEngine(its_agent),
        links=ScriptedLinks(its_agent),
        bell=bell or LocalBell(),
        clock=clock or SystemClock(),
        limits=limits or Limits(),
        admin_token="the-admin-token",
    )
    async with yard:
        yield YardHouse(yard, its_store, its_agent)
    if agent is None:
        await its_agent.aclose()


async def eventually(check: Callable[[], Awaitable[bool]]) -> None:
    """Wait until ``check()`` is true, giving way to everybody else in between."""
    async with asyncio.timeout(SECONDS):
        while not await check():
            await asyncio.sleep(0)


async def until(condition: Callable[[], object]) -> None:
    """Give way to others until ``condition`` holds."""
    async with asyncio.timeout(SECONDS):
        while not condition():
            await asyncio.sleep(0)
