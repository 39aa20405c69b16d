"""Kernels wait in pools for whoever may have them, and a create takes one as if it had just been made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace

import pytest

from kernelyard.model.errors import Invalid, NameTaken, PoolNotFound
from kernelyard.model.images import ImageChange
from kernelyard.model.kernel_phases import KernelState
from kernelyard.model.kernels import Kernel, KernelOrder
from kernelyard.model.pools import EVERYBODY, PoolCensus, PoolOrder
from kernelyard.model.principals import Principal, Role
from kernelyard.model.tasks import TaskState
from kernelyard.model.templates import Template, TemplateSpec
from kernelyard.stores.memory.store import MemoryStore
from kernelyard.wire.zygotes import ZygoteList
from kernelyard.yard.limits import Limits

from tests.support.scripted_agent import IMAGES, ScriptedAgent
from tests.support.yard_house import ADMIN, ANN, BEN, YardHouse, a_yard, eventually


@pytest.fixture
async def agent() -> AsyncIterator[ScriptedAgent]:
    """An agent that outlives servers."""
    agent = ScriptedAgent()
    yield agent
    await agent.aclose()


async def census(house: YardHouse, who: Principal = ADMIN) -> PoolCensus:
    """The only pool."""
    (one,) = await house.yard.pools.list(who)
    return one


async def filled(house: YardHouse, ready: int) -> None:
    """Wait until so many kernels wait, and no more are made."""

    async def check() -> bool:
        one = await census(house)
        return (one.ready, one.starting) == (ready, 0)

    await eventually(check)


async def a_pool(
    house: YardHouse, size: int = 2, who: Principal = ADMIN, image: str = "python3", **more: int
) -> None:
    """A pool that is filled."""
    await house.yard.pools.set(who, PoolOrder(image=image, size=size, **more))
    await filled(house, size)


def waited(house: YardHouse, kernel: Kernel) -> bool:
    """Whether a kernel was started for a pool."""
    launch = next(one for one in house.agent.launches if one.kernel_id == kernel.id)
    return launch.pooled


async def test_a_create_takes_a_kernel_that_is_ready(house: YardHouse) -> None:
    await a_pool(house)
    kernel = await house.kernel(name="mine", display_name="Mine")
    assert kernel.state is KernelState.IDLE
    assert waited(house, kernel)
    task = await house.ended(await house.task(kernel, "print:hello"))
    assert task.state is TaskState.SUCCEEDED
    assert task.seq == 1
    states = [change.state for change in await house.yard.kernels.history(ANN, kernel.id)]
    assert states == ["starting", "idle"]
    await filled(house, 2)
    one = await census(house)
    assert (one.pool.claimed, one.pool.missed) == (1, 0)


async def test_its_journal_tells_of_no_time_before_the_create(house: YardHouse) -> None:
    await a_pool(house, 1)
    kernel = await house.kernel()
    page = await house.yard.outputs.kernel_page(ANN, kernel.id, 0, None)
    following = await house.yard.outputs.kernel_follow(ANN, kernel.id, 0)
    async with aclosing(following):
        first = list(await anext(following))
    for records in (page.records, first):
        assert [(one.number, one.at) for one in records[:2]] == [
            (1, kernel.created_at),
            (2, kernel.created_at),
        ]


async def test_nobody_sees_what_waits(house: YardHouse) -> None:
    await a_pool(house)
    assert (await house.yard.kernels.list(ADMIN))[0] == []
    assert [one for one in await house.store.events.read(0) if one.kernel_id] == []
    assert await house.yard.live_kernels() == 2


async def test_the_agent_is_told_whose_it_is_before_anything_runs(house: YardHouse) -> None:
    await house.yard.templates.create(
        ANN, Template(name="mine", spec=TemplateSpec(environment={"A": "t"}, max_idle_seconds=60))
    )
    await house.yard.pools.set(ADMIN, PoolOrder(image="python3", template="mine"))
    await filled(house, 1)
    house.agent.gates.close("claim")
    order = KernelOrder(image="python3", template="mine", environment={"B": "k"}, path="a.ipynb")
    kernel, _ = await house.yard.kernels.create(ANN, order)
    task = await house.task(kernel, "print:hello")
    assert (await house.yard.tasks.wait(ANN, task.id, 0.05)).state is TaskState.QUEUED
    house.agent.gates.release("claim")
    assert (await house.ended(task)).state is TaskState.SUCCEEDED
    (claim,) = house.agent.claims
    assert claim.environment == {"A": "t", "B": "k"}
    assert (claim.path, claim.max_idle_seconds, claim.pooled) == ("a.ipynb", 60, False)


async def test_a_server_that_died_before_it_told_the_agent_tells_it_when_it_is_back(
    agent: ScriptedAgent,
) -> None:
    store = MemoryStore()
    async with a_yard(store=store, agent=agent) as house:
        await a_pool(house, 1)
        agent.gates.close("claim")
        kernel = await house.kernel()
        task = await house.task(kernel, "print:hello")
    assert agent.claims == []
    agent.gates.release("claim")
    async with a_yard(store=store, agent=agent) as house:
        assert (await house.ended(task)).state is TaskState.SUCCEEDED
    assert [one.kernel_id for one in agent.claims] == [kernel.id]


async def test_kernels_wait_for_a_server_that_is_started_again(agent: ScriptedAgent) -> None:
    store = MemoryStore()
    async with a_yard(store=store, agent=agent) as house:
        await a_pool(house, 2)
    async with a_yard(store=store, agent=agent) as house:
        await filled(house, 2)
        assert (await house.kernel()).state is KernelState.IDLE
    assert len(agent.launches) in (2, 3)


async def test_twenty_creates_share_five_kernels(house: YardHouse) -> None:
    await a_pool(house, 5)
    kernels = await asyncio.gather(*(house.kernel() for _ in range(20)))
    assert len({kernel.id for kernel in kernels}) == 20
    assert sum(kernel.state is KernelState.IDLE for kernel in kernels) == 5
    for kernel in kernels:
        await house.ended(await house.task(kernel, "print:hello"))
    await filled(house, 5)


async def test_a_users_pool_serves_nobody_else(house: YardHouse) -> None:
    await house.yard.tokens.create(ADMIN, "ann", Role.USER)
    await a_pool(house, 1, who=ANN)
    assert (await house.kernel(BEN)).state is KernelState.STARTING
    assert await house.yard.pools.list(BEN) == []
    assert (await house.kernel(ANN)).state is KernelState.IDLE


async def test_an_administrators_pool_serves_everybody(house: YardHouse) -> None:
    await a_pool(house, 2)
    assert (await house.kernel(BEN)).state is KernelState.IDLE
    assert (await house.kernel(ANN)).state is KernelState.IDLE


async def test_only_administrators_remove_what_serves_everybody(house: YardHouse) -> None:
    await a_pool(house, 1)
    with pytest.raises(PoolNotFound):
        await house.yard.pools.remove(ANN, "python3", "default", EVERYBODY)
    await house.yard.pools.remove(ADMIN, "python3", "default", EVERYBODY)
    assert await house.yard.pools.list(ADMIN) == []


async def test_a_removed_pool_ends_what_waits_and_nothing_else(house: YardHouse) -> None:
    await a_pool(house, 2)
    kernel = await house.kernel()
    await house.yard.pools.remove(ADMIN, "python3", "default", EVERYBODY)

    async def only_claimed() -> bool:
        return list(house.agent.kernels) == [kernel.id]

    await eventually(only_claimed)
    assert (await house.kernel()).state is KernelState.STARTING


async def test_other_templates_and_parameters_get_a_new_kernel(house: YardHouse) -> None:
    await a_pool(house, 1)
    await house.yard.templates.create(ANN, Template(name="other"))
    assert (await house.kernel(template="other")).state is KernelState.STARTING
    assert (await house.kernel(image="conda/science")).state is KernelState.STARTING


@pytest.mark.parametrize("name", ["PYTHONPATH", "LD_PRELOAD", "OMP_NUM_THREADS", "HOME"])
async def test_variables_that_only_a_fresh_process_reads_get_one(
    house: YardHouse, name: str
) -> None:
    await a_pool(house, 1)
    order = KernelOrder(image="python3", environment={name: "x"})
    kernel, _ = await house.yard.kernels.create(ANN, order)
    assert kernel.state is KernelState.STARTING


async def test_a_kernel_of_another_kind_is_taken_only_if_there_is_nothing_to_apply(
    house: YardHouse,
) -> None:
    await a_pool(house, 1, image="conda/science")
    order = KernelOrder(image="conda/science", environment={"A": "1"})
    kernel, _ = await house.yard.kernels.create(ANN, order)
    assert kernel.state is KernelState.STARTING
    assert (await house.kernel(image="conda/science")).state is KernelState.IDLE


async def test_names_and_keys_are_as_for_any_create(house: YardHouse) -> None:
    await a_pool(house, 3)
    kernel = await house.kernel(name="work")
    order = KernelOrder(image="python3", name="work")
    assert await house.yard.kernels.create(ANN, order, reuse=True) == (kernel, False)
    with pytest.raises(NameTaken):
        await house.yard.kernels.create(ANN, order)
    plain = KernelOrder(image="python3")
    first, made = await house.yard.kernels.create(ANN, plain, idempotency_key="k")
    again, made_again = await house.yard.kernels.create(ANN, plain, idempotency_key="k")
    assert (first.id, made, made_again) == (again.id, True, False)


async def test_what_waits_is_made_anew_when_its_template_changes(house: YardHouse) -> None:
    await a_pool(house, 2)
    old = set(house.agent.kernels)
    spec = TemplateSpec(environment={"A": "new"})
    await house.yard.templates.update(ADMIN, "default", spec=spec)
    kernel = await house.kernel()
    assert kernel.id not in old

    async def replaced() -> bool:
        pooled = [one for one in house.agent.kernels.values() if one.order.pooled]
        return len(pooled) == 2 and all(one.order.environment == {"A": "new"} for one in pooled)

    await eventually(replaced)


async def test_a_pool_of_a_disabled_image_is_empty_and_says_why(house: YardHouse) -> None:
    await a_pool(house, 2)
    await house.yard.images.update(ADMIN, "python3", ImageChange(disabled=True))
    await house.yard.pools.set(ADMIN, PoolOrder(image="conda/science", size=0))

    async def empty() -> bool:
        one = await house.yard.pools.get(ADMIN, "python3", "default", EVERYBODY)
        told = one.pool.reason is not None and "disabled" in one.pool.reason
        return told and not house.agent.kernels

    await eventually(empty)


async def test_what_waits_is_made_anew_when_its_image_changes(house: YardHouse) -> None:
    await a_pool(house, 1)
    (old,) = house.agent.kernels
    image = next(one for one in IMAGES if one.name == "python3")
    house.agent.find(replace(image, version="3.99"))

    async def replaced() -> bool:
        return bool(house.agent.kernels) and old not in house.agent.kernels

    await eventually(replaced)


async def test_a_kernel_that_cannot_start_is_told_and_tried_after_a_pause(
    house: YardHouse,
) -> None:
    await house.yard.pools.set(ADMIN, PoolOrder(image="stillborn", size=2))

    async def told() -> bool:
        return (await census(house)).pool.reason is not None

    await eventually(told)
    reason = (await census(house)).pool.reason
    assert reason is not None
    assert "exited by itself with code 1" in reason
    assert len(house.agent.launches) <= 4


async def test_a_pool_larger_than_max_kernels_stops_with_a_reason() -> None:
    async with a_yard(limits=Limits(max_kernels=3)) as house:
        await house.yard.pools.set(ADMIN, PoolOrder(image="python3", size=10))
        await filled(house, 3)

        async def told() -> bool:
            return "at most 3 kernels" in ((await census(house)).pool.reason or "")

        await eventually(told)
        assert len(house.agent.launches) == 3


async def test_what_waits_gives_way_to_what_is_asked_for() -> None:
    async with a_yard(limits=Limits(max_kernels=2)) as house:
        await a_pool(house, 2)
        first = await house.kernel(image="conda/science")
        second = await house.kernel(image="conda/science")
        assert not (await house.kernel(image="conda/science")).admitted
        for kernel in (first, second):
            await house.ended(await house.task(kernel, "print:hello"))
        assert (await census(house)).ready == 0


async def test_a_claim_needs_no_room() -> None:
    async with a_yard(limits=Limits(max_kernels=2)) as house:
        await a_pool(house, 2)
        for _ in range(2):
            assert (await house.kernel()).state is KernelState.IDLE
        assert not (await house.kernel()).admitted


async def test_a_pool_grows_by_demand_up_to_its_bound(house: YardHouse) -> None:
    await a_pool(house, 1, least=0, most=3)
    await asyncio.gather(*(house.kernel() for _ in range(6)))
    await filled(house, 3)


async def test_a_pool_that_is_made_smaller_ends_what_is_too_much(house: YardHouse) -> None:
    await a_pool(house, 3)
    await house.yard.pools.set(ADMIN, PoolOrder(image="python3", size=1))
    await filled(house, 1)


async def test_pools_of_the_settings_come_and_go_with_them(house: YardHouse) -> None:
    keeping = house.yard.pool_keeping
    await keeping.declare([PoolOrder(image="python3", size=1)])
    await filled(house, 1)
    await keeping.declare([PoolOrder(image="python3", size=2)])
    await filled(house, 2)
    await keeping.declare([])
    assert await house.yard.pools.list(ADMIN) == []


@pytest.mark.parametrize(
    ("size", "least", "most", "field"),
    [
        (-1, None, None, "size"),
        (2, 3, None, "min"),
        (2, None, 1, "max"),
        (5000, None, None, "size"),
    ],
)
async def test_sizes_are_checked(
    house: YardHouse, size: int, least: int | None, most: int | None, field: str
) -> None:
    order = PoolOrder(image="python3", size=size, least=least, most=most)
    with pytest.raises(Invalid) as caught:
        await house.yard.pools.set(ADMIN, order)
    assert caught.value.field == field


async def test_what_waits_is_ended_when_memory_is_short_and_the_reason_is_told(
    agent: ScriptedAgent,
) -> None:
    agent.zygotes = ZygoteList([], most=4, pressure="1 MB of the machine are free")
    async with a_yard(agent=agent) as house:
        await house.yard.pools.set(ADMIN, PoolOrder(image="python3", size=2))

        async def told() -> bool:
            return "Memory is short" in ((await census(house)).pool.reason or "")

        await eventually(told)
        assert agent.launches == []


async def test_counts_are_told_as_metrics(house: YardHouse) -> None:
    await a_pool(house, 2)
    await house.kernel()
    await filled(house, 2)
    told = {metric.name: metric.values for metric in await house.yard.pools.metrics()}
    kind = ("python3", "default")
    assert told["kernelyard_pool_kernels"] == {
        (*kind, "ready"): 2,
        (*kind, "starting"): 0,
        (*kind, "wanted"): 2,
    }
    assert told["kernelyard_pool_creates_total"] == {(*kind, "claimed"): 1, (*kind, "missed"): 0}
