"""What every store does with pools of ready kernels."""

# ruff: noqa: S101 - this is a test suite

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kernelyard.model.errors import IdempotencyKeyReused, KernelNotFound, NameTaken
from kernelyard.model.kernel_phases import KernelState, Phase, Wanted
from kernelyard.model.kernels import Kernel
from kernelyard.model.pools import CALM, Claim, Pool
from kernelyard.model.records import RecordKind
from kernelyard.ports.stores import Idempotency, KernelQuery, Store
from kernelyard.testing.stores.builders import NOON, Journal, a_kernel, append, present
from kernelyard.testing.stores.opening import Opening

KEY = Idempotency("key", "digest")
LATER = NOON + 60_000_000


def a_pool(size: int = 2, *, owner: str = "", least: int | None = None, most: int = 0) -> Pool:
    """A pool that no store has seen yet."""
    return Pool(
        owner=owner,
        image="python3",
        reference="kernelspec/python3",
        template="default",
        size=size,
        least=size if least is None else least,
        most=max(size, most),
        target=size,
        demanded_at=NOON,
        created_at=NOON,
        updated_at=NOON,
    )


def a_waiting_kernel(pool: Pool, digest: str = "digest") -> Kernel:
    """A kernel that is to wait in a pool."""
    kernel = a_kernel(owner="")
    return replace(kernel, environment={}, display_name="", pool_no=pool.no, pool_digest=digest)


async def admitted(store: Store, pool: Pool, digest: str = "digest") -> Kernel:
    """A kernel that waits in a pool, not ready yet."""
    kernel = await store.pools.admit(a_waiting_kernel(pool, digest))
    assert kernel is not None
    return kernel


async def ready(
    store: Store, pool: Pool, digest: str = "digest", implementation: str = "ipython"
) -> Kernel:
    """A kernel that waits in a pool and is ready."""
    kernel = await admitted(store, pool, digest)
    journal = Journal()
    journal.add(RecordKind.KERNEL_LAUNCHED, attempt=1, pid=4711)
    journal.add(RecordKind.KERNEL_READY, attempt=1, info={"implementation": implementation})
    await append(store, kernel, journal.records)
    return await present(store, kernel)


def a_claim(*pools: Pool, digest: str = "digest", applies: bool = False) -> Claim:
    """What a create looks for."""
    return Claim(pools=tuple(pool.no for pool in pools), digest=digest, applies=applies)


class PoolConformance(Opening):
    """A kernel that waits is nobody's, and is given to one."""

    async def test_a_pool_is_kept_once_for_each_owner_image_and_template(
        self, store: Store
    ) -> None:
        first = await store.pools.put(a_pool(2))
        again = await store.pools.put(replace(a_pool(3, most=5), updated_at=LATER))
        other = await store.pools.put(a_pool(1, owner="ada"))
        assert first.no == again.no != other.no
        assert (again.size, again.least, again.most, again.target) == (3, 3, 5, 3)
        assert await store.pools.all() == [again, other]

    async def test_its_image_may_come_to_stand_for_another_one(self, store: Store) -> None:
        pool = await store.pools.put(a_pool(1, most=3))
        await store.pools.claim(a_kernel(created_at=LATER), a_claim(pool), None)
        (grown,) = await store.pools.all()
        await store.pools.refer(pool.no, "conda/python3")
        assert await store.pools.all() == [replace(grown, reference="conda/python3")]
        await store.pools.remove(pool.no, LATER)
        await store.pools.refer(pool.no, "kernelspec/python3")
        assert await store.pools.all() == []

    async def test_what_waits_is_seen_by_nobody(self, store: Store) -> None:
        kernel = await ready(store, await store.pools.put(a_pool()))
        with pytest.raises(KernelNotFound):
            await store.kernels.get(kernel.id, None)
        assert (await store.kernels.find(KernelQuery())).items == []
        assert (await store.kernels.find(KernelQuery(owner=""))).items == []
        assert await store.events.read(0) == []
        assert await store.kernels.history(kernel.no) == []
        assert await store.pools.waiting() == [kernel]
        assert [one.no for one in await store.kernels.unfinished()] == [kernel.no]
        assert await store.kernels.live_count() == 1

    async def test_no_more_are_admitted_than_are_wanted(self, store: Store) -> None:
        pool = await store.pools.put(a_pool(3))
        admitted = await asyncio.gather(
            *(store.pools.admit(a_waiting_kernel(pool)) for _ in range(8))
        )
        assert sum(one is not None for one in admitted) == 3

    async def test_a_claimed_kernel_is_like_one_that_became_ready_at_once(
        self, store: Store
    ) -> None:
        pool = await store.pools.put(a_pool())
        waiting = await ready(store, pool)
        wanted = a_kernel("mine", labels={"k": "v"}, created_at=LATER)
        wanted = replace(wanted, path="a/b.ipynb", priority=-3)
        taken = await store.pools.claim(wanted, a_claim(pool), KEY)
        assert taken is not None
        kernel, made = taken
        assert made
        assert kernel == await store.kernels.get(waiting.id, "ada")
        assert (kernel.owner, kernel.name, kernel.path) == ("ada", "mine", "a/b.ipynb")
        assert kernel.environment == wanted.environment
        assert (kernel.display_name, kernel.priority) == (wanted.display_name, -3)
        assert (kernel.state, kernel.waits, kernel.claimed) == (KernelState.IDLE, False, True)
        times = (kernel.created_at, kernel.launched_at, kernel.ready_at, kernel.last_activity_at)
        assert set(times) == {LATER}
        history = await store.kernels.history(kernel.no)
        assert [(one.state, one.at) for one in history] == [("starting", LATER), ("idle", LATER)]
        assert await store.events.read(0, owner="ada") == history
        assert (await store.kernels.find(KernelQuery(labels={"k": "v"}))).items == [kernel]
        assert await store.pools.waiting() == []
        (counted,) = await store.pools.all()
        assert (counted.claimed, counted.missed) == (1, 0)

    async def test_each_is_claimed_once(self, store: Store) -> None:
        pool = await store.pools.put(a_pool(5))
        for _ in range(5):
            await ready(store, pool)
        taken = await asyncio.gather(
            *(store.pools.claim(a_kernel(), a_claim(pool), None) for _ in range(20))
        )
        numbers = [one[0].no for one in taken if one is not None]
        assert len(numbers) == len(set(numbers)) == 5
        (counted,) = await store.pools.all()
        assert (counted.claimed, counted.missed) == (5, 15)

    async def test_a_repeated_create_gives_the_claimed_kernel_again(self, store: Store) -> None:
        pool = await store.pools.put(a_pool(2))
        await ready(store, pool)
        await ready(store, pool)
        results = await asyncio.gather(
            *(store.pools.claim(a_kernel("work"), a_claim(pool), KEY) for _ in range(4))
        )
        assert sum(one is not None and one[1] for one in results) == 1
        assert len({one[0].no for one in results if one is not None}) == 1
        assert (await store.kernels.insert(a_kernel("work"), KEY))[1] is False
        with pytest.raises(IdempotencyKeyReused):
            await store.pools.claim(a_kernel(), a_claim(pool), Idempotency("key", "other"))

    async def test_a_name_that_is_taken_claims_nothing(self, store: Store) -> None:
        pool = await store.pools.put(a_pool(2))
        await ready(store, pool)
        await store.kernels.insert(a_kernel("work"), None)
        with pytest.raises(NameTaken):
            await store.pools.claim(a_kernel("work"), a_claim(pool), None)
        assert len(await store.pools.waiting()) == 1

    async def test_what_does_not_suit_is_not_claimed(self, store: Store) -> None:
        pool, other = await store.pools.put(a_pool()), await store.pools.put(a_pool(owner="bob"))
        await admitted(store, pool)
        await ready(store, pool, digest="old")
        await ready(store, other)
        assert await store.pools.claim(a_kernel(), a_claim(pool), None) is None

    async def test_one_that_takes_nothing_up_is_claimed_only_if_nothing_is_to_be(
        self, store: Store
    ) -> None:
        pool = await store.pools.put(a_pool(1, most=3))
        await ready(store, pool, implementation="bash")
        assert await store.pools.claim(a_kernel(), a_claim(pool, applies=True), None) is None
        # A larger pool would have been no help.
        assert await store.pools.all() == [pool]
        assert await store.pools.claim(a_kernel(), a_claim(pool), None) is not None

    async def test_one_that_was_started_again_is_not_claimed(self, store: Store) -> None:
        pool = await store.pools.put(a_pool())
        kernel = await ready(store, pool)
        await store.kernels.want_attempt(kernel.no, NOON)
        assert await store.pools.claim(a_kernel(), a_claim(pool), None) is None

    async def test_what_is_given_up_is_gone_for_claims_and_what_is_claimed_stays(
        self, store: Store
    ) -> None:
        pool = await store.pools.put(a_pool())
        first, second = await ready(store, pool), await ready(store, pool)
        assert await store.pools.give_up(first.no, LATER)
        taken = await store.pools.claim(a_kernel(), a_claim(pool), None)
        assert taken is not None
        assert taken[0].no == second.no
        assert not await store.pools.give_up(second.no, LATER)
        assert (await present(store, first)).wanted is Wanted.GONE
        assert (await present(store, second)).wanted is Wanted.RUN

    async def test_a_removed_pool_gives_up_what_waits(self, store: Store) -> None:
        pool = await store.pools.put(a_pool())
        first, second = await ready(store, pool), await admitted(store, pool)
        assert await store.pools.remove(pool.no, LATER) == [first.no, second.no]
        assert await store.pools.all() == []
        assert await store.pools.waiting() == []
        assert await store.pools.admit(a_waiting_kernel(pool)) is None
        assert await store.pools.claim(a_kernel(), a_claim(pool), None) is None

    async def test_room_is_made_by_those_that_are_not_ready(self, store: Store) -> None:
        pool = await store.pools.put(a_pool())
        first, second = await ready(store, pool), await admitted(store, pool)
        assert await store.pools.make_room(LATER) == second.no
        assert await store.pools.make_room(LATER) == first.no
        assert await store.pools.make_room(LATER) is None
        assert await store.kernels.live_count() == 0

    async def test_a_pool_grows_when_creates_find_none_and_shrinks_when_nobody_asks(
        self, store: Store
    ) -> None:
        pool = await store.pools.put(a_pool(1, least=0, most=2))
        for _ in range(3):
            await store.pools.claim(a_kernel(created_at=LATER), a_claim(pool), None)
        (grown,) = await store.pools.all()
        assert (grown.target, grown.missed) == (2, 3)
        assert await store.pools.calm(pool.no, LATER + CALM - 1) == grown
        calm = await store.pools.calm(pool.no, LATER + CALM)
        assert calm is not None
        assert calm.target == 1

    async def test_a_reason_is_kept_until_it_is_taken_back(self, store: Store) -> None:
        pool = await store.pools.put(a_pool())
        await store.pools.explain(pool.no, "No memory.")
        assert (await store.pools.all())[0].reason == "No memory."
        await store.pools.explain(pool.no, None)
        assert (await store.pools.all())[0].reason is None

    async def test_one_that_ends_while_it_waits_is_told_to_nobody(self, store: Store) -> None:
        pool = await store.pools.put(a_pool())
        kernel = await admitted(store, pool)
        journal = Journal()
        journal.kernel_ended("start_failed", "it cannot start")
        await append(store, kernel, journal.records)
        (waiting,) = await store.pools.waiting()
        assert (waiting.phase, waiting.reason) == (Phase.FAILED, "it cannot start")
        assert await store.events.read(0) == []
        assert await store.pools.admit(a_waiting_kernel(pool)) is not None
