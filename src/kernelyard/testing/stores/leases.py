"""Leases: of several servers one looks after a kernel, and another when that one is gone."""

# ruff: noqa: S101 - this is a test suite

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from kernelyard.model.kernel_phases import Phase, Wanted
from kernelyard.model.tasks import TaskState
from kernelyard.ports.stores import Lease, Store
from kernelyard.testing.stores.builders import NO_KERNEL, NOON, kept_kernel
from kernelyard.testing.stores.opening import Opening

MINUTE = 60 * 1_000_000


def a_lease(holder: str = "one", *, micros: int = MINUTE) -> Lease:
    """From now on, for a minute. With no time at all it has run out when the store has kept it."""
    return Lease(holder=holder, now=time.time_ns() // 1000, micros=micros)


async def ended(store: Store, no: int) -> None:
    """End a kernel for good."""
    await store.kernels.settle(no, Phase.STOPPED, TaskState.CANCELLED, "terminated", NOON)


class LeaseConformance(Opening):
    """``LeaseStore``."""

    async def test_unfinished_kernels_are_claimed_once_and_oldest_first(self, store: Store) -> None:
        numbers = [(await kept_kernel(store)).no for _ in range(3)]
        assert await store.leases.claim(a_lease(), 2) == numbers[:2]
        assert await store.leases.claim(a_lease("two"), 9) == numbers[2:]
        assert await store.leases.claim(a_lease(), 9) == []
        assert await store.leases.claim(a_lease("two"), 9) == []

    async def test_kernels_that_have_ended_are_nobodys(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        await ended(store, kernel.no)
        assert await store.leases.claim(a_lease(), 9) == []
        assert not await store.leases.claim_one(a_lease(), kernel.no)
        assert not await store.leases.claim_one(a_lease(), NO_KERNEL)
        await store.kernels.want(kernel.no, Wanted.GONE, None, NOON)
        assert await store.leases.claim(a_lease(), 9) == [kernel.no]

    async def test_one_kernel_is_claimed_unless_another_has_it(self, store: Store) -> None:
        kernel, other = await kept_kernel(store), await kept_kernel(store)
        assert await store.leases.claim_one(a_lease(), kernel.no)
        assert await store.leases.claim_one(a_lease(), kernel.no)
        assert not await store.leases.claim_one(a_lease("two"), kernel.no)
        assert await store.leases.claim(a_lease("two"), 9) == [other.no]

    async def test_a_lease_that_has_run_out_is_free(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        assert await store.leases.claim(a_lease(micros=0), 9) == [kernel.no]
        assert await store.leases.claim_one(a_lease("two", micros=0), kernel.no)
        assert await store.leases.claim(a_lease("three"), 9) == [kernel.no]
        assert await store.leases.renew(a_lease("two")) == []

    async def test_who_renews_keeps_what_nobody_has_taken(self, store: Store) -> None:
        kept, lost, gone = [(await kept_kernel(store)).no for _ in range(3)]
        for no in (kept, lost, gone):
            assert await store.leases.claim_one(a_lease(micros=0), no)
        assert await store.leases.claim_one(a_lease("two"), lost)
        await store.kernels.remove(gone)
        assert await store.leases.renew(a_lease()) == [kept]
        assert await store.leases.claim(a_lease("two"), 9) == []

    async def test_what_is_given_back_is_free_at_once(self, store: Store) -> None:
        numbers = [(await kept_kernel(store)).no for _ in range(3)]
        await store.leases.claim(a_lease(), 2)
        await store.leases.claim(a_lease("two"), 9)
        await store.leases.release("one", numbers[2])
        await store.leases.release("one", numbers[0])
        await store.leases.release("one", numbers[0])
        assert await store.leases.claim(a_lease("three"), 9) == numbers[:1]
        await store.leases.release("one")
        assert await store.leases.renew(a_lease()) == []
        assert await store.leases.claim(a_lease("three"), 9) == numbers[1:2]

    async def test_of_many_who_claim_at_once_each_kernel_has_one(self, store: Store) -> None:
        numbers = [(await kept_kernel(store)).no for _ in range(12)]
        lease = a_lease()
        claims = (store.leases.claim(replace(lease, holder=f"h{n}"), 5) for n in range(8))
        first = [no for some in await asyncio.gather(*claims) for no in some]
        rest = await store.leases.claim(a_lease("late"), 99)
        assert sorted(first + rest) == numbers
