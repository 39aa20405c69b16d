"""Pools share what there is: none starves the others, and none goes on for nobody."""

from __future__ import annotations

import pytest

from kernelyard.model.errors import Invalid, NameTaken
from kernelyard.model.kernels import KernelOrder
from kernelyard.model.pools import EVERYBODY, PoolCensus, PoolOrder
from kernelyard.model.principals import Role, TokenRecord
from kernelyard.yard.limits import Limits

from tests.support.scripted_agent import FRAIL, IMAGES
from tests.support.yard_house import ADMIN, ANN, BEN, YardHouse, a_yard, eventually


async def a_user(house: YardHouse, name: str = "ann") -> TokenRecord:
    """Somebody with a token."""
    return (await house.yard.tokens.create(ADMIN, name, Role.USER))[0]


async def census(house: YardHouse, image: str, owner: str = EVERYBODY) -> PoolCensus:
    """One pool."""
    return await house.yard.pools.get(ADMIN, image, "default", owner)


async def filled(house: YardHouse, image: str, ready: int, owner: str = EVERYBODY) -> None:
    """Wait until so many kernels are ready."""

    async def check() -> bool:
        return (await census(house, image, owner)).ready == ready

    await eventually(check)


def starting(house: YardHouse, image: str) -> int:
    """How many kernels of an image were begun."""
    return sum(one.image == image for one in house.agent.launches)


async def test_kernels_that_die_when_they_are_ready_are_tried_after_a_pause(
    house: YardHouse,
) -> None:
    house.agent.find(*IMAGES, FRAIL)
    await house.yard.images.list(ADMIN, refresh=True)
    await house.yard.pools.set(ADMIN, PoolOrder(image="frail", size=2))

    async def told() -> bool:
        return "growing intervals" in ((await census(house, "frail")).pool.reason or "")

    await eventually(told)
    assert starting(house, "frail") <= 4


async def test_a_users_pool_that_hangs_does_not_starve_everybodys(house: YardHouse) -> None:
    await a_user(house)
    await house.yard.pools.set(ANN, PoolOrder(image="slow", size=3))

    async def hangs() -> bool:
        return (await census(house, "slow", "ann")).starting > 0

    await eventually(hangs)
    await house.yard.pools.set(ADMIN, PoolOrder(image="python3", size=3))
    await filled(house, "python3", 3)
    assert starting(house, "slow") == 1


async def test_a_user_may_keep_only_so_many_in_all_his_pools() -> None:
    async with a_yard(limits=Limits(user_pool_kernels=4)) as house:
        await a_user(house)
        await house.yard.pools.set(ANN, PoolOrder(image="python3", size=1, most=3))
        with pytest.raises(Invalid, match="at most 4") as caught:
            await house.yard.pools.set(ANN, PoolOrder(image="conda/science", size=2))
        assert caught.value.field == "size"
        await house.yard.pools.set(ANN, PoolOrder(image="python3", size=4))
        await a_user(house, "ben")
        await house.yard.pools.set(BEN, PoolOrder(image="python3", size=1))
        await house.yard.pools.set(ADMIN, PoolOrder(image="python3", size=5))


@pytest.mark.parametrize("again", [False, True], ids=["for ever", "given again"])
async def test_pools_go_with_their_owner(house: YardHouse, *, again: bool) -> None:
    await a_user(house)
    await house.yard.pools.set(ANN, PoolOrder(image="python3", size=2))
    await filled(house, "python3", 2, "ann")
    await house.store.users.remove("ann")
    if again:
        await a_user(house)
    house.yard.pools.taken()

    async def gone() -> bool:
        return await house.yard.pools.list(ADMIN) == [] and not house.agent.kernels

    await eventually(gone)


async def test_what_is_not_made_needs_no_room() -> None:
    async with a_yard(limits=Limits(max_kernels=2)) as house:
        order = KernelOrder(image="conda/science", name="work")
        first, _ = await house.yard.kernels.create(ANN, order, idempotency_key="k")
        await house.yard.pools.set(ADMIN, PoolOrder(image="python3", size=1))
        await filled(house, "python3", 1)
        waiting = [one.no for one in await house.store.pools.waiting()]
        again, made = await house.yard.kernels.create(ANN, order, idempotency_key="k")
        assert (again.id, made) == (first.id, False)
        with pytest.raises(NameTaken):
            await house.yard.kernels.create(ANN, order)
        assert [one.no for one in await house.store.pools.waiting()] == waiting


async def test_a_pool_is_found_by_what_it_is_called_before_what_that_stands_for(
    house: YardHouse,
) -> None:
    await house.yard.pools.set(ADMIN, PoolOrder(image="python3", size=0))
    await house.yard.pool_keeping.declare([PoolOrder(image="kernelspec/python3", size=0)])

    async def referred() -> bool:
        pools = [one.pool for one in await house.yard.pools.list(ADMIN)]
        return {one.reference for one in pools} == {"kernelspec/python3"} and len(pools) == 2

    await eventually(referred)
    found = await census(house, "kernelspec/python3")
    assert found.pool.declared
    assert not (await census(house, "python3")).pool.declared
