"""Several servers on one store: a kernel has one caretaker, and another when that one is gone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import pytest

from kernelyard.model.errors import Unavailable
from kernelyard.model.kernel_phases import KernelState
from kernelyard.model.kernels import Kernel
from kernelyard.model.tasks import TaskState
from kernelyard.ports.stores import Lease
from kernelyard.stores.memory.leases import MemoryLeases
from kernelyard.stores.memory.store import MemoryStore
from kernelyard.testing.clock import FakeClock
from kernelyard.testing.stores.builders import kept_kernel
from kernelyard.yard.leasing import LEASE_SECONDS, MARGIN_SECONDS, ROUND_SECONDS

from tests.support.linked_bells import LinkedBell
from tests.support.scripted_agent import ScriptedAgent
from tests.support.yard_house import ADMIN, ANN, YardHouse, a_yard, eventually

LEASE_MICROS = int(LEASE_SECONDS * 1_000_000)


@dataclass
class Town:
    """Yards that share a store, an agent and a clock."""

    store: MemoryStore = field(default_factory=lambda: MemoryStore(shared=True))
    agent: ScriptedAgent = field(default_factory=ScriptedAgent)
    clock: FakeClock = field(default_factory=FakeClock)
    line: list[LinkedBell] = field(default_factory=list)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def yard(self) -> YardHouse:
        """One more server."""
        return await self.stack.enter_async_context(self.another())

    def another(self) -> AsyncIterator[YardHouse]:
        """One more server, that ends before the others."""
        bell = LinkedBell(self.line)
        return a_yard(store=self.store, agent=self.agent, clock=self.clock, bell=bell)

    def dead(self) -> Lease:
        """What a server leaves that was killed just now."""
        return Lease(holder="dead", now=self.clock.now(), micros=LEASE_MICROS)


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    town = Town()
    async with town.stack:
        yield town
    await town.agent.aclose()


def looks_after(house: YardHouse) -> set[int]:
    return set(house.yard._caretakers._at_work)


async def ready(house: YardHouse, kernel: Kernel) -> None:
    now = await house.yard.kernels.wait(ANN, kernel.id, until="ready", timeout=10)
    assert now.state is KernelState.IDLE


async def run(house: YardHouse, kernel: Kernel, code: str = "print:x") -> None:
    assert (await house.ended(await house.task(kernel, code))).state is TaskState.SUCCEEDED


async def test_each_looks_after_what_was_made_there_and_both_can_use_it(town: Town) -> None:
    one, two = await town.yard(), await town.yard()
    first, second = await one.kernel(), await two.kernel()
    for kernel in (first, second):
        for house in (one, two):
            await ready(house, kernel)
            await run(house, kernel)
    assert (looks_after(one), looks_after(two)) == ({first.no}, {second.no})
    assert len(town.agent.launches) == 2


async def test_tasks_through_both_run_once_each_and_in_order(town: Town) -> None:
    one, two = await town.yard(), await town.yard()
    kernel = await one.kernel()
    tasks = [await (one, two)[n % 2].task(kernel, f"print:{n}") for n in range(20)]
    ended = [await (two, one)[n % 2].ended(task) for n, task in enumerate(tasks)]
    assert [task.seq for task in ended] == list(range(1, 21))
    assert [task.execution_count for task in ended] == list(range(1, 21))


async def test_what_is_asked_of_the_other_server_is_done_at_once(town: Town) -> None:
    one, two = await town.yard(), await town.yard()
    kernel = await one.kernel()
    task = await two.task(kernel, "hang")
    queued = await two.task(kernel, "print:never")
    for some in (queued, task):
        await two.yard.tasks.cancel(ANN, some.id)
        assert (await two.ended(some)).state is TaskState.CANCELLED
    await two.yard.kernels.restart(ANN, kernel.id)
    await ready(two, kernel)
    await two.yard.kernels.terminate(ANN, kernel.id)
    ended = await two.yard.kernels.wait(ANN, kernel.id, until="ended", timeout=10)
    assert ended.state is KernelState.TERMINATED


async def test_a_kernel_that_has_ended_is_nobodys_and_anybody_may_remove_it(town: Town) -> None:
    one, two = await town.yard(), await town.yard()
    kernel = await one.kernel()
    await one.yard.kernels.terminate(ANN, kernel.id)

    async def given_back() -> bool:
        return not looks_after(one) and not town.store.leases._leases

    await eventually(given_back)
    await two.yard.kernels.delete(ANN, kernel.id)

    async def gone() -> bool:
        return await town.store.kernels.by_no(kernel.no) is None

    await eventually(gone)
    assert kernel.id not in town.agent.kernels


async def test_who_ends_in_order_leaves_its_kernels_to_the_others(town: Town) -> None:
    two = await town.yard()
    async with town.another() as one:
        kernel = await one.kernel()
        running = await one.task(kernel, "print:a\nwait:go\nprint:b")
        await one.has_spoken(running)
    assert not looks_after(two)
    await town.clock.advance(ROUND_SECONDS)
    assert looks_after(two) == {kernel.no}
    town.agent.gates.release("go")
    assert (await two.ended(running)).state is TaskState.SUCCEEDED
    assert (await two.yard.outputs.result(ANN, running.id)).stdout == "a\nb\n"
    assert len(town.agent.launches) == 1


async def test_kernels_of_a_server_that_was_killed_are_taken_over_when_its_lease_ends(
    town: Town,
) -> None:
    kernel = await kept_kernel(town.store)
    await town.store.leases.claim_one(town.dead(), kernel.no)
    one = await town.yard()
    await town.clock.advance(LEASE_SECONDS - 1)
    assert not looks_after(one)
    await town.clock.advance(1 + ROUND_SECONDS)
    assert looks_after(one) == {kernel.no}
    up = await one.yard.kernels.wait(ADMIN, kernel.id, until="ready", timeout=10)
    assert up.state is KernelState.IDLE


async def test_a_server_that_starts_takes_what_nobody_holds(town: Town) -> None:
    async with town.another() as one:
        kernel = await one.kernel()
        await run(one, kernel)
        late = await town.yard()
        assert not looks_after(late)
    assert looks_after(await town.yard()) == {kernel.no}


async def test_a_lease_is_prolonged_for_as_long_as_its_server_lives(town: Town) -> None:
    one, two = await town.yard(), await town.yard()
    kernel = await one.kernel()
    await ready(one, kernel)
    for _ in range(20):
        await town.clock.advance(LEASE_SECONDS / 3)
        assert (looks_after(one), looks_after(two)) == ({kernel.no}, set())


class Frail(MemoryLeases):
    """Leases that cannot be reached while ``away`` is true."""

    away = False

    async def renew(self, lease: Lease) -> list[int]:
        if self.away:
            raise Unavailable
        return await super().renew(lease)

    async def claim(self, lease: Lease, limit: int) -> list[int]:
        if self.away:
            raise Unavailable
        return await super().claim(lease, limit)


async def test_who_cannot_prolong_its_leases_stops_before_they_end_and_goes_on_later(
    town: Town,
) -> None:
    leases = town.store.leases = Frail(town.store.kernels._shelf)
    one = await town.yard()
    kernel = await one.kernel()
    await ready(one, kernel)
    await town.clock.advance(2 * ROUND_SECONDS)
    leases.away = True
    await town.clock.advance(LEASE_SECONDS - MARGIN_SECONDS - 0.1)
    assert looks_after(one) == {kernel.no}
    await town.clock.advance(0.2)
    assert not looks_after(one)
    assert not await leases.claim_one(town.dead(), kernel.no)
    leases.away = False
    await town.clock.advance(2 * ROUND_SECONDS)
    assert looks_after(one) == {kernel.no}
    await run(one, kernel)


async def test_who_finds_its_lease_taken_leaves_the_kernel_to_the_other(town: Town) -> None:
    one = await town.yard()
    kernel = await one.kernel()
    await run(one, kernel)
    await town.store.leases.release(one.yard._caretakers._leasing._holder)
    two = await town.yard()
    assert looks_after(one) == looks_after(two) == {kernel.no}
    # For a while both do the work: everything is done once all the same.
    tasks = [await (one, two)[n % 2].task(kernel, f"print:{n}") for n in range(10)]
    counts = [(await one.ended(task)).execution_count for task in tasks]
    assert counts == list(range(2, 12))
    await town.clock.advance(2 * ROUND_SECONDS)
    assert (looks_after(one), looks_after(two)) == (set(), {kernel.no})
    await run(one, kernel)


async def test_without_any_ring_everything_is_done_all_the_same(town: Town) -> None:
    one, two = await town.yard(), await town.yard()
    kernel = await one.kernel()
    await ready(one, kernel)
    for bell in town.line:
        bell.cut = True
    task = await two.task(kernel, "print:x")
    ended = await one.yard.tasks.wait(ANN, task.id, 60)
    assert ended.state is TaskState.SUCCEEDED
    assert looks_after(two) == set()


async def test_a_store_of_one_server_is_never_asked_for_a_lease() -> None:
    store = MemoryStore()
    async with a_yard(store=store) as house:
        kernel = await house.kernel()
        await run(house, kernel)
        assert looks_after(house) == {kernel.no}
        assert not store.leases._leases
