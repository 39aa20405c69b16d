"""What every store does with quotas: who is let in, who waits and why, and what is refused."""

# ruff: noqa: S101 - this is a test suite

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kernelyard.model.errors import IdempotencyKeyReused, LimitReached, NameTaken, NeverFits
from kernelyard.model.kernel_phases import Phase, Wanted
from kernelyard.model.kernels import Kernel
from kernelyard.model.pools import Claim
from kernelyard.model.quotas import Amounts, Resource, Rules, UserQuota
from kernelyard.model.tasks import TaskState
from kernelyard.model.templates import TemplateSnapshot, TemplateSpec
from kernelyard.ports.stores import Idempotency, Store
from kernelyard.testing.stores.builders import (
    NOON,
    Journal,
    a_kernel,
    a_task,
    append,
    kept_kernel,
    present,
)
from kernelyard.testing.stores.opening import Opening
from kernelyard.testing.stores.pools import a_claim, a_pool, admitted, ready

GIB = 1024**3
KEY = Idempotency("key", "digest")
FOUR_CPUS = Rules({Resource.CPU: 4000})


def asking(
    milli_cpu: int = 0,
    *,
    owner: str = "ada",
    memory: int = 0,
    gpu: int = 0,
    priority: int = 0,
    name: str | None = None,
) -> Kernel:
    """A kernel that no store has seen yet, and asks for so much."""
    spec = TemplateSpec(milli_cpu_limit=milli_cpu, memory_bytes_limit=memory, gpu=gpu)
    kernel = replace(a_kernel(name, owner=owner), priority=priority)
    return replace(kernel, template=TemplateSnapshot(name="sized", spec=spec))


async def placed(store: Store, kernel: Kernel, rules: Rules) -> Kernel:
    """The kernel as it is kept."""
    return (await store.quotas.place(kernel, None, rules))[0]


async def ended(store: Store, kernel: Kernel) -> None:
    """It has ended by itself."""
    journal = Journal()
    journal.kernel_ended()
    await append(store, kernel, journal.records)


class QuotaConformance(Opening):
    """No more is let in than there is room for, and everybody in his turn."""

    async def test_what_fits_is_let_in_and_what_may_fit_later_waits_with_a_reason(
        self, store: Store
    ) -> None:
        first = await placed(store, asking(2000), FOUR_CPUS)
        second = await placed(store, asking(2000), FOUR_CPUS)
        third = await placed(store, asking(1500), FOUR_CPUS)
        assert [one.admitted for one in (first, second, third)] == [True, True, False]
        assert third.reason == "waiting for 1.5 CPU; 4 of 4 in use"
        kept = await store.kernels.get(third.id, "ada")
        assert (kept.admitted, kept.reason, kept.phase) == (False, third.reason, Phase.REQUESTED)
        assert (await store.kernels.history(third.no))[0].reason == third.reason

    async def test_what_ends_makes_room_and_what_is_only_to_end_does_not_yet(
        self, store: Store
    ) -> None:
        first = await placed(store, asking(4000), FOUR_CPUS)
        second = await placed(store, asking(1000), FOUR_CPUS)
        await store.kernels.want(first.no, Wanted.STOP, "terminated", NOON)
        done = await store.quotas.admit(FOUR_CPUS)
        assert (done.admitted, done.waiting) == ([], 1)
        await ended(store, first)
        done = await store.quotas.admit(FOUR_CPUS)
        assert (done.admitted, done.waiting) == ([second.no], 0)
        now = await present(store, second)
        assert (now.admitted, now.reason) == (True, None)
        assert not await store.quotas.anybody_waits()

    async def test_what_can_never_fit_is_refused(self, store: Store) -> None:
        with pytest.raises(NeverFits, match="asks for 5 CPU, and this server gives 4 CPU at most"):
            await placed(store, asking(5000), FOUR_CPUS)
        rules = Rules(each={Resource.MEMORY: GIB})
        with pytest.raises(NeverFits, match="2 GiB of memory, and your quota is 1 GiB"):
            await placed(store, asking(memory=2 * GIB), rules)
        assert await store.kernels.unfinished() == []

    async def test_one_may_not_wait_and_is_refused_then(self, store: Store) -> None:
        rules = Rules({Resource.KERNELS: 1})
        await placed(store, asking(), rules)
        with pytest.raises(LimitReached, match="1 of 1 in use"):
            await store.quotas.place(asking(), None, rules, may_wait=False)
        assert len(await store.kernels.unfinished()) == 1

    async def test_no_more_wait_than_may_and_others_are_let_in_all_the_same(
        self, store: Store
    ) -> None:
        rules = Rules({Resource.CPU: 4000}, {Resource.KERNELS: 1}, waiting=3, waiting_each=2)
        await placed(store, asking(), rules)
        waiting = [await placed(store, asking(), rules) for _ in range(2)]
        with pytest.raises(LimitReached, match="Of your kernels 2 wait for room already"):
            await placed(store, asking(), rules)
        assert len(await store.kernels.unfinished()) == 3
        assert (await placed(store, asking(owner="bob"), rules)).admitted
        waiting.append(await placed(store, asking(owner="bob"), rules))
        assert (await placed(store, asking(owner="eve"), rules)).admitted
        with pytest.raises(LimitReached, match="On this server 3 kernels wait"):
            await placed(store, asking(owner="eve"), rules)
        assert not any(one.admitted for one in waiting)
        await store.kernels.want(waiting[0].no, Wanted.STOP, "terminated", NOON)
        assert not (await placed(store, asking(), rules)).admitted

    async def test_what_is_told_is_not_written_anew_for_another_amount_in_use(
        self, store: Store
    ) -> None:
        first = await placed(store, asking(1000), FOUR_CPUS)
        await placed(store, asking(3000), FOUR_CPUS)
        waiting = await placed(store, asking(3000), FOUR_CPUS)
        await ended(store, first)
        await store.quotas.admit(FOUR_CPUS)
        assert (await present(store, waiting)).reason == "waiting for 3 CPU; 4 of 4 in use"
        await store.quotas.admit(Rules({Resource.CPU: 5000}))
        assert (await present(store, waiting)).reason == "waiting for 3 CPU; 3 of 5 in use"

    async def test_first_come_first_served_within_a_priority(self, store: Store) -> None:
        rules = Rules({Resource.KERNELS: 1})
        running = await placed(store, asking(), rules)
        late = await placed(store, asking(priority=-1), rules)
        early = await placed(store, asking(), rules)
        urgent = await placed(store, asking(priority=5), rules)
        for expected in (urgent, early, late):
            await ended(store, running)
            assert (await store.quotas.admit(rules)).admitted == [expected.no]
            running = expected

    async def test_small_ones_do_not_pass_a_large_one_that_waits_for_the_same(
        self, store: Store
    ) -> None:
        first = await placed(store, asking(3000), FOUR_CPUS)
        large = await placed(store, asking(4000), FOUR_CPUS)
        small = await placed(store, asking(1000), FOUR_CPUS)
        free = await placed(store, asking(0), FOUR_CPUS)
        assert (large.admitted, small.admitted, free.admitted) == (False, False, True)
        assert small.reason == "waiting for 1 CPU, behind others that wait"
        await ended(store, first)
        assert (await store.quotas.admit(FOUR_CPUS)).admitted == [large.no]

    async def test_who_waits_for_his_own_quota_holds_up_nobody_else(self, store: Store) -> None:
        rules = Rules({Resource.CPU: 4000}, {Resource.CPU: 2000})
        await placed(store, asking(2000), rules)
        mine = await placed(store, asking(1000), rules)
        assert mine.reason == "waiting for 1 CPU; 2 of your 2 in use"
        assert (await placed(store, asking(2000, owner="bob"), rules)).admitted

    async def test_a_large_one_that_waits_for_a_gpu_lets_others_pass(self, store: Store) -> None:
        rules = Rules({Resource.GPU: 1, Resource.KERNELS: 10})
        await placed(store, asking(gpu=1), rules)
        waiting = await placed(store, asking(gpu=1), rules)
        assert waiting.reason == "waiting for 1 GPU; 1 of 1 in use"
        assert (await placed(store, asking(1000), rules)).admitted

    async def test_what_is_said_of_a_user_is_stronger_than_what_holds_for_each(
        self, store: Store
    ) -> None:
        rules = Rules(each={Resource.KERNELS: 1})
        limits: Amounts = {Resource.KERNELS: 2, Resource.GPU: 0}
        await store.quotas.put(UserQuota("ada", {Resource.KERNELS: 5}, NOON))
        await store.quotas.put(UserQuota("ada", limits, NOON))
        await store.quotas.put(UserQuota("Zoë@example.org", {}, NOON))
        assert [one.user for one in await store.quotas.all()] == ["Zoë@example.org", "ada"]
        assert (await store.quotas.all())[1] == UserQuota("ada", limits, NOON)
        made = [await placed(store, asking(), rules) for _ in range(3)]
        assert [one.admitted for one in made] == [True, True, False]
        assert await store.quotas.remove("ada")
        assert not await store.quotas.remove("ada")
        assert not (await placed(store, asking(), rules)).admitted

    async def test_a_lowered_limit_tells_who_will_never_be_let_in_and_lets_others_pass(
        self, store: Store
    ) -> None:
        await placed(store, asking(4000), FOUR_CPUS)
        large = await placed(store, asking(3000), FOUR_CPUS)
        lowered = Rules({Resource.CPU: 2000})
        small = await placed(store, asking(0), lowered)
        assert small.admitted
        await store.quotas.admit(lowered)
        assert "this server gives 2 CPU at most" in ((await present(store, large)).reason or "")

    async def test_one_that_waits_can_be_ended(self, store: Store) -> None:
        rules = Rules({Resource.KERNELS: 1})
        await placed(store, asking(), rules)
        waiting = await placed(store, asking(), rules)
        kept, _ = await store.tasks.insert(a_task(waiting), None)
        await store.kernels.want(waiting.no, Wanted.STOP, "terminated", NOON)
        await store.quotas.admit(rules)
        assert (await present(store, waiting)).reason == "terminated"
        await store.kernels.settle(
            waiting.no, Phase.STOPPED, TaskState.CANCELLED, "terminated", NOON
        )
        assert (await store.tasks.get(kept.id, "ada")).state is TaskState.CANCELLED
        assert not await store.quotas.anybody_waits()

    async def test_keys_and_names_are_kept_as_without_quotas(self, store: Store) -> None:
        rules = Rules({Resource.KERNELS: 1})
        first, made, _ = await store.quotas.place(asking(name="a"), KEY, rules)
        assert made
        again, made, _ = await store.quotas.place(asking(name="a"), KEY, rules)
        assert (again.id, made) == (first.id, False)
        with pytest.raises(NameTaken):
            await placed(store, asking(name="a"), rules)
        with pytest.raises(IdempotencyKeyReused):
            await store.quotas.place(asking(), Idempotency("key", "other"), rules)

    async def test_of_many_at_once_no_more_are_let_in(self, store: Store) -> None:
        made = await asyncio.gather(*(placed(store, asking(1000), FOUR_CPUS) for _ in range(12)))
        assert sum(one.admitted for one in made) == 4
        await asyncio.gather(*(store.quotas.admit(FOUR_CPUS) for _ in range(4)))
        assert sum(one.admitted for one in await store.kernels.unfinished()) == 4

    async def test_usage_is_told_by_owner(self, store: Store) -> None:
        await placed(store, asking(1500, memory=GIB), FOUR_CPUS)
        waiting = await placed(store, asking(3000), FOUR_CPUS)
        bobs = await placed(store, asking(owner="bob", gpu=1), FOUR_CPUS)
        await store.tasks.insert(a_task(waiting), None)
        journal = Journal()
        journal.said(0, "x" * 100)
        await append(store, bobs, journal.records)
        usage = await store.quotas.usage()
        assert usage["ada"].waiting == 1
        mine = {one: usage["ada"].used.get(one, 0) for one in Resource}
        assert mine == {
            Resource.KERNELS: 1,
            Resource.CPU: 1500,
            Resource.MEMORY: GIB,
            Resource.GPU: 0,
            Resource.TASKS: 1,
            Resource.STORED: 0,
        }
        bob = (await store.quotas.usage("bob"))["bob"]
        assert (bob.used[Resource.GPU], bob.waiting) == (1, 0)
        assert bob.used[Resource.STORED] == await store.quotas.stored_bytes("bob") > 100
        assert await store.quotas.stored_bytes(None) == bob.used[Resource.STORED]

    async def test_tasks_over_the_limit_are_refused_and_repeated_ones_are_not(
        self, store: Store
    ) -> None:
        rules = Rules({Resource.TASKS: 3}, {Resource.TASKS: 2})
        mine, bobs = await kept_kernel(store), await kept_kernel(store, a_kernel(owner="bob"))
        first, _ = await store.quotas.submit(a_task(mine), KEY, rules)
        await store.quotas.submit(a_task(mine), None, rules)
        with pytest.raises(LimitReached, match="You may have 2 queued tasks at a time"):
            await store.quotas.submit(a_task(mine), None, rules)
        assert (await store.quotas.submit(a_task(mine), KEY, rules))[0].id == first.id
        await store.quotas.submit(a_task(bobs), None, rules)
        with pytest.raises(LimitReached, match="This server takes 3 queued tasks"):
            await store.quotas.submit(a_task(bobs), None, rules)
        with pytest.raises(LimitReached, match="no more"):
            await store.quotas.submit(a_task(bobs), None, Rules(), "no more")
        assert (await store.quotas.submit(a_task(mine), KEY, rules, "no more"))[0].id == first.id
        journal = Journal()
        journal.ready()
        journal.started(1)
        await append(store, mine, journal.records)
        kept, made = await store.quotas.submit(a_task(mine), None, rules)
        assert (kept.seq, made) == (3, True)

    async def test_of_many_tasks_at_once_no_more_are_taken(self, store: Store) -> None:
        kernels = [await kept_kernel(store) for _ in range(3)]
        rules = Rules(each={Resource.TASKS: 4})
        told = await asyncio.gather(
            *(store.quotas.submit(a_task(kernels[n % 3]), None, rules) for n in range(12)),
            return_exceptions=True,
        )
        assert sum(isinstance(one, LimitReached) for one in told) == 8

    async def test_what_waits_in_pools_gives_way_and_does_not_come_back_before_others(
        self, store: Store
    ) -> None:
        rules = Rules({Resource.KERNELS: 2})
        pool = await store.pools.put(a_pool(2))
        spare, other = await ready(store, pool), await admitted(store, pool)
        kept, _, done = await store.quotas.place(asking(), None, rules)
        assert (kept.admitted, done.given_up) == (True, [other.no])
        kept, _, done = await store.quotas.place(asking(), None, rules)
        assert (kept.admitted, done.given_up) == (True, [spare.no])
        assert not (await placed(store, asking(), rules)).admitted
        again = replace(a_kernel(owner=""), pool_no=pool.no, pool_digest="digest")
        assert await store.pools.admit(again, rules) is None

    async def test_who_waits_for_his_own_quota_keeps_no_pool_from_being_filled(
        self, store: Store
    ) -> None:
        rules = Rules({Resource.KERNELS: 9, Resource.GPU: 4}, {Resource.KERNELS: 1})
        pool = await store.pools.put(a_pool(3))
        spare = replace(a_kernel(owner=""), pool_no=pool.no, pool_digest="digest")
        await placed(store, asking(), rules)
        assert not (await placed(store, asking(), rules)).admitted
        assert await store.quotas.room_for_spare(spare.template.spec, rules)
        assert await store.pools.admit(spare, rules) is not None
        await placed(store, asking(owner="bob", gpu=3), rules)
        never = await placed(store, asking(owner="eve", gpu=4), rules)
        assert "3 of 4 in use" in (never.reason or "")
        lowered = replace(rules, server={Resource.KERNELS: 9, Resource.GPU: 3})
        assert await store.pools.admit(replace(spare, id="b" * 36), lowered) is not None

    async def test_what_waits_in_pools_does_not_give_way_in_vain(self, store: Store) -> None:
        pool = await store.pools.put(a_pool(2))
        await placed(store, asking(3000), FOUR_CPUS)
        spec = TemplateSpec(milli_cpu_limit=1000)
        spare = replace(
            a_kernel(owner=""),
            pool_no=pool.no,
            pool_digest="digest",
            template=TemplateSnapshot(name="sized", spec=spec),
        )
        assert await store.pools.admit(spare, FOUR_CPUS) is not None
        large, _, done = await store.quotas.place(asking(2000), None, FOUR_CPUS)
        assert (large.admitted, done.given_up) == (False, [])
        small, _, done = await store.quotas.place(asking(1000), None, FOUR_CPUS)
        assert (small.admitted, done.given_up) == (False, [])
        assert not await store.quotas.room_for_spare(spec, Rules({Resource.CPU: 5000}))

    async def test_a_pool_is_filled_as_far_as_there_is_room(self, store: Store) -> None:
        rules = Rules({Resource.KERNELS: 1})
        pool = await store.pools.put(a_pool(2))
        one = replace(a_kernel(owner=""), pool_no=pool.no, pool_digest="digest")
        assert await store.pools.admit(one, rules) is not None
        assert await store.pools.admit(replace(one, id="b" * 36), rules) is None

    async def test_a_claim_counts_for_its_owner(self, store: Store) -> None:
        rules = Rules(each={Resource.KERNELS: 1})
        pool = await store.pools.put(a_pool(2))
        claim: Claim = a_claim(pool)
        await ready(store, pool)
        await ready(store, pool)
        taken = await store.pools.claim(a_kernel(), claim, None, rules)
        assert taken is not None
        assert await store.pools.claim(a_kernel(), claim, None, rules) is None
        assert await store.pools.claim(a_kernel(owner="bob"), claim, None, rules) is not None
        assert [one.missed for one in await store.pools.all()] == [0]

    async def test_one_that_somebody_else_has_started_is_a_kernel_and_nothing_more(
        self, store: Store
    ) -> None:
        foreign = replace(asking(9000), owned=False, identity="x")
        assert (await placed(store, foreign, FOUR_CPUS)).admitted
        assert (await store.quotas.usage("ada"))["ada"].used.get(Resource.CPU, 0) == 0
        assert (await placed(store, asking(4000), FOUR_CPUS)).admitted
