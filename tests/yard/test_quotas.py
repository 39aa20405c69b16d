"""Kernels wait for room with a reason and start when there is some; tasks beyond a quota are refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from kernelyard.model.errors import Forbidden, Invalid, LimitReached, NeverFits, NotFound
from kernelyard.model.kernel_phases import KernelState
from kernelyard.model.kernels import Kernel, KernelOrder
from kernelyard.model.quotas import Resource
from kernelyard.model.tasks import TaskState
from kernelyard.model.templates import Template, TemplateSpec
from kernelyard.stores.memory.quotas import MemoryQuotas
from kernelyard.stores.memory.store import MemoryStore
from kernelyard.yard.limits import Limits

from tests.support.linked_bells import LinkedBell
from tests.support.scripted_agent import ScriptedAgent
from tests.support.yard_house import ADMIN, ANN, BEN, YardHouse, a_yard, eventually

TWO_CPUS = Limits(server={Resource.CPU: 2000})


@pytest.fixture
async def house() -> AsyncIterator[YardHouse]:
    async with a_yard(limits=TWO_CPUS) as house:
        await sized(house)
        yield house


async def sized(house: YardHouse) -> None:
    """Templates that ask for one, two and three CPUs."""
    for number in (1, 2, 3):
        spec = TemplateSpec(milli_cpu_limit=1000 * number)
        await house.yard.templates.create(ADMIN, Template(name=f"cpu{number}", spec=spec))


async def now(house: YardHouse, kernel: Kernel) -> Kernel:
    return await house.yard.kernels.get(ADMIN, kernel.id)


async def admitted(house: YardHouse, kernel: Kernel) -> None:
    async def is_in() -> bool:
        return (await now(house, kernel)).admitted

    await eventually(is_in)


async def test_what_waits_says_for_what_and_starts_when_another_ends(house: YardHouse) -> None:
    first = await house.kernel(template="cpu2")
    second = await house.kernel(BEN, template="cpu1")
    assert (second.state, second.admitted) == (KernelState.STARTING, False)
    assert second.reason == "waiting for 1 CPU; 2 of 2 in use"
    task = await house.task(second, "print:hello", BEN)
    await house.yard.kernels.terminate(ANN, first.id)
    assert (await house.ended(task, BEN)).state is TaskState.SUCCEEDED
    assert (await now(house, second)).reason is None


async def test_a_user_cannot_make_others_wait_behind_any_number_of_his_kernels() -> None:
    limits = Limits(max_kernels=1, user_max_waiting_kernels=2)
    async with a_yard(limits=limits) as house:
        await house.kernel()
        for _ in range(2):
            assert not (await house.kernel()).admitted
        with pytest.raises(LimitReached, match="Of your kernels 2 wait for room already"):
            await house.kernel()
        assert len(await house.store.kernels.unfinished()) == 3
        assert not (await house.kernel(BEN)).admitted


async def test_a_pool_is_not_told_to_wait_for_one_users_own_quota() -> None:
    limits = Limits(max_kernels=9, each={Resource.KERNELS: 1})
    async with a_yard(limits=limits) as house:
        await house.kernel()
        assert not (await house.kernel()).admitted
        assert await house.yard.quotas.why_no_spare(TemplateSpec()) is None


async def test_a_pool_waits_while_somebody_waits_for_the_server(house: YardHouse) -> None:
    await house.kernel(template="cpu1")
    await house.kernel(template="cpu2")
    spare = TemplateSpec(milli_cpu_limit=1000)
    told = await house.yard.quotas.why_no_spare(spare)
    assert told == "Kernels that were asked for wait for room."
    assert await house.yard.quotas.why_no_spare(TemplateSpec()) is None


async def test_what_can_never_fit_is_refused_at_once(house: YardHouse) -> None:
    with pytest.raises(NeverFits, match="asks for 3 CPU, and this server gives 2 CPU"):
        await house.kernel(template="cpu3")
    assert await house.store.kernels.unfinished() == []


async def test_a_users_own_template_must_say_what_is_limited(house: YardHouse) -> None:
    open_spec = TemplateSpec(memory_bytes_limit=2**30)
    await house.yard.templates.create(ANN, Template(name="anns", spec=open_spec))
    await house.yard.templates.create(ADMIN, Template(name="everybodys", spec=open_spec))
    with pytest.raises(NeverFits, match="no 'milli_cpu_limit', and this server gives 2 CPU at"):
        await house.kernel(template="anns")
    assert (await house.kernel(template="everybodys")).admitted
    assert (await house.kernel(ADMIN, template="anns")).admitted
    counted = TemplateSpec(milli_cpu_limit=500)
    await house.yard.templates.update(ANN, "anns", spec=counted)
    assert (await house.kernel(template="anns")).admitted
    await house.yard.quotas.set(ADMIN, "ann", {Resource.MEMORY: 2**30})
    with pytest.raises(NeverFits, match="no 'memory_bytes_limit', and your quota is 1 GiB"):
        await house.kernel(template="anns")


async def test_nothing_is_done_for_one_that_waits(house: YardHouse) -> None:
    await house.ended(await house.task(await house.kernel(template="cpu2"), "print:x"))
    await house.kernel(template="cpu2")
    assert len(house.agent.launches) == 1


async def test_one_that_waits_is_terminated_and_deleted_at_once(house: YardHouse) -> None:
    await house.kernel(template="cpu2")
    first, second = await house.kernel(template="cpu1"), await house.kernel(template="cpu1")
    task = await house.task(first, "print:hello")
    await house.yard.kernels.terminate(ANN, first.id)
    assert (await house.ended(task)).state is TaskState.CANCELLED
    assert (await now(house, first)).state is KernelState.TERMINATED
    await house.yard.kernels.delete(ANN, second.id)

    async def gone() -> bool:
        return await house.store.kernels.by_no(second.no) is None

    await eventually(gone)
    assert not await house.store.quotas.anybody_waits()


async def test_who_waits_goes_on_waiting_when_the_server_is_started_again() -> None:
    store, agent = MemoryStore(), ScriptedAgent()
    async with a_yard(store=store, agent=agent, limits=TWO_CPUS) as house:
        await sized(house)
        first = await house.kernel(template="cpu2")
        await house.ended(await house.task(first, "print:hello"))
        second = await house.kernel(template="cpu2")
    async with a_yard(store=store, agent=agent, limits=TWO_CPUS) as house:
        assert not (await now(house, second)).admitted
        await house.yard.kernels.terminate(ANN, first.id)
        await house.ended(await house.task(second, "print:hello"))
    await agent.aclose()


async def test_what_ends_at_one_server_lets_in_at_another() -> None:
    store, agent, line = MemoryStore(shared=True), ScriptedAgent(), list[LinkedBell]()
    async with (
        a_yard(store=store, agent=agent, bell=LinkedBell(line)) as one,
        a_yard(store=store, agent=agent, bell=LinkedBell(line)) as two,
    ):
        await one.yard.quotas.set(ADMIN, "ann", {Resource.KERNELS: 1})
        assert (await two.yard.quotas.of(ANN, "ann")).share.limits == {Resource.KERNELS: 1}
        first = await one.kernel()
        second = await two.kernel()
        assert (first.admitted, second.admitted) == (True, False)
        await one.yard.kernels.terminate(ANN, first.id)
        await two.ended(await two.task(second, "print:hello"))
    await agent.aclose()


async def test_room_that_came_while_no_server_was_there_is_used() -> None:
    store, agent = MemoryStore(), ScriptedAgent()
    async with a_yard(store=store, agent=agent, limits=TWO_CPUS) as house:
        await sized(house)
        await house.kernel(template="cpu2")
        second = await house.kernel(template="cpu2")
    async with a_yard(store=store, agent=agent) as house:
        await house.ended(await house.task(second, "print:hello"))
    await agent.aclose()


async def test_priority_is_lowered_by_users_and_raised_by_administrators(house: YardHouse) -> None:
    order = KernelOrder(image="python3", template="cpu2", priority=1)
    with pytest.raises(Forbidden, match="Only an administrator"):
        await house.yard.kernels.create(ANN, order)
    with pytest.raises(Invalid, match="between -100 and 100"):
        await house.yard.kernels.create(ADMIN, replace(order, priority=1000))
    running = await house.kernel(template="cpu2")
    low, _ = await house.yard.kernels.create(ANN, replace(order, priority=-5))
    usual = await house.kernel(template="cpu2")
    high, _ = await house.yard.kernels.create(ADMIN, order)
    assert (low.priority, usual.priority, high.priority) == (-5, 0, 1)
    for expected in (high, usual, low):
        await house.yard.kernels.terminate(ADMIN, running.id)
        await admitted(house, expected)
        running = expected


async def test_a_users_quota_holds_for_him_and_is_said_by_administrators(house: YardHouse) -> None:
    with pytest.raises(Forbidden):
        await house.yard.quotas.set(ANN, "ann", {Resource.KERNELS: 9})
    await house.yard.quotas.set(ADMIN, "ann", {Resource.KERNELS: 1})
    await house.kernel()
    second = await house.kernel()
    assert second.reason == "waiting for 1 kernel; 1 of your 1 in use"
    assert (await house.kernel(BEN)).admitted
    await house.yard.quotas.set(ADMIN, "ann", {Resource.KERNELS: 2})
    await admitted(house, second)
    third = await house.kernel()
    assert not third.admitted
    await house.yard.quotas.reset(ADMIN, "ann")
    await admitted(house, third)
    with pytest.raises(NotFound):
        await house.yard.quotas.reset(ADMIN, "ann")


async def test_tasks_beyond_a_quota_are_refused_with_what_to_do() -> None:
    limits = Limits(each={Resource.TASKS: 1}, max_kernels=1)
    async with a_yard(limits=limits) as house:
        await house.kernel(BEN)
        waiting = await house.kernel()
        first = await house.task(waiting, "print:hello")
        with pytest.raises(LimitReached, match="1 queued task at a time. Wait until some"):
            await house.task(waiting, "print:hello")
        await house.yard.tasks.cancel(ANN, first.id)


async def test_what_runs_is_kept_whole_and_then_nothing_more_is_taken() -> None:
    async with a_yard(limits=Limits(each={Resource.STORED: 1})) as house:
        kernel = await house.kernel()
        task = await house.task(kernel, "print:hello")
        await house.ended(task)
        assert len(await house.records(task)) > 0
        with pytest.raises(LimitReached, match="Delete kernels whose outputs"):
            await house.task(kernel, "print:hello")
        assert (
            await house.ended(await house.task(await house.kernel(BEN), "print:x", BEN), BEN)
        ).state


async def test_stored_bytes_bind_who_joins_a_kernel_himself() -> None:
    async with a_yard(limits=Limits(each={Resource.STORED: 1})) as house:
        kernel = await house.kernel()
        await house.ended(await house.task(kernel, "print:hello"))
        for who in (ANN, ADMIN):
            with pytest.raises(LimitReached, match="Delete kernels whose outputs"):
                await house.yard.bridges.open(who, kernel.id)
            with pytest.raises(LimitReached, match="Delete kernels whose outputs"):
                async with house.yard.relays.open(who, kernel.id, "session"):
                    pass


async def test_everybody_sees_his_own_and_administrators_all(house: YardHouse) -> None:
    await house.kernel(template="cpu2")
    await house.kernel(template="cpu1")
    mine = await house.yard.quotas.of(ANN, "ann")
    assert (mine.share.used[Resource.CPU], mine.share.waiting, mine.said) == (2000, 1, None)
    with pytest.raises(Forbidden):
        await house.yard.quotas.of(BEN, "ann")
    with pytest.raises(Forbidden):
        await house.yard.quotas.everybodys(ANN)
    await house.yard.quotas.set(ADMIN, "zoe", {Resource.GPU: 1})
    server, users = await house.yard.quotas.everybodys(ADMIN)
    assert (server.used[Resource.CPU], server.limits[Resource.CPU], server.waiting) == (
        2000,
        2000,
        1,
    )
    assert [one.user for one in users] == ["ann", "zoe"]
    with pytest.raises(NotFound):
        await house.yard.quotas.of(ADMIN, "a/b")


async def test_numbers_are_told_for_monitoring(house: YardHouse) -> None:
    await house.kernel(template="cpu2")
    await house.kernel(template="cpu2")
    told = {one.name: one.values for one in await house.yard.metrics.collect()}
    assert told["kernelyard_quota_used"]["cpu",] == 2000
    assert told["kernelyard_quota_limit"]["cpu",] == 2000
    assert told["kernelyard_kernels_waiting"][()] == 1


class NoQuotasAsked(MemoryQuotas):
    """Does not let kernels be placed."""

    async def place(self, *_: object, **__: object) -> None:  # type: ignore[override]
        raise AssertionError("nothing is limited")


async def test_where_nothing_is_limited_nothing_is_asked() -> None:
    store = MemoryStore()
    store.quotas.__class__ = NoQuotasAsked
    async with a_yard(store=store) as house:
        await house.ended(await house.task(await house.kernel(), "print:hello"))
