"""What every store does with idempotency keys."""

# ruff: noqa: S101 - this is a test suite

from __future__ import annotations

import asyncio

import pytest

from kernelyard.model.errors import IdempotencyKeyReused, NameTaken
from kernelyard.model.kernel_phases import Wanted
from kernelyard.ports.stores import Idempotency, KernelQuery, Store, TaskQuery
from kernelyard.testing.stores.builders import NOON, a_kernel, a_task, kept_kernel
from kernelyard.testing.stores.opening import Opening

KEY = Idempotency("key", "digest")
OTHER = Idempotency("key", "other digest")


class IdempotencyConformance(Opening):
    """A request that is repeated gives what it gave the first time."""

    async def test_a_repeated_create_gives_the_same_kernel(self, store: Store) -> None:
        first, made = await store.kernels.insert(a_kernel("work"), KEY)
        again, made_again = await store.kernels.insert(a_kernel("work"), KEY)
        assert (made, made_again) == (True, False)
        assert again == first
        await store.kernels.want(first.no, Wanted.STOP, None, NOON)
        much_later, _ = await store.kernels.insert(a_kernel("work"), KEY)
        assert much_later.no == first.no

    async def test_what_a_create_would_give_is_known_before(self, store: Store) -> None:
        assert await store.kernels.existing(a_kernel("work"), KEY) is None
        first, _ = await store.kernels.insert(a_kernel("work"), KEY)
        assert await store.kernels.existing(a_kernel("work"), KEY) == first
        assert await store.kernels.existing(a_kernel("other"), None) is None
        with pytest.raises(NameTaken):
            await store.kernels.existing(a_kernel("work"), None)
        with pytest.raises(IdempotencyKeyReused):
            await store.kernels.existing(a_kernel(), OTHER)

    async def test_a_key_stands_for_one_request(self, store: Store) -> None:
        await store.kernels.insert(a_kernel(), KEY)
        with pytest.raises(IdempotencyKeyReused):
            await store.kernels.insert(a_kernel(), OTHER)

    async def test_a_key_belongs_to_its_owner(self, store: Store) -> None:
        await store.kernels.insert(a_kernel(), KEY)
        _, made = await store.kernels.insert(a_kernel(owner="bob"), OTHER)
        assert made

    async def test_a_create_that_was_refused_does_not_use_its_key_up(self, store: Store) -> None:
        first = await kept_kernel(store, a_kernel("work"))
        with pytest.raises(NameTaken):
            await store.kernels.insert(a_kernel("work"), KEY)
        await store.kernels.want(first.no, Wanted.STOP, None, NOON)
        _, made = await store.kernels.insert(a_kernel("work"), KEY)
        assert made

    async def test_a_repeated_submit_gives_the_same_task(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        first, made = await store.tasks.insert(a_task(kernel), KEY)
        again, made_again = await store.tasks.insert(a_task(kernel), KEY)
        assert (made, made_again) == (True, False)
        assert again == first
        await store.kernels.want(kernel.no, Wanted.STOP, None, NOON)
        assert (await store.tasks.insert(a_task(kernel), KEY))[0] == first
        with pytest.raises(IdempotencyKeyReused):
            await store.tasks.insert(a_task(kernel), OTHER)

    async def test_a_key_of_a_task_belongs_to_its_kernel(self, store: Store) -> None:
        one, two = await kept_kernel(store), await kept_kernel(store)
        await store.tasks.insert(a_task(one), KEY)
        _, made = await store.tasks.insert(a_task(two), OTHER)
        assert made

    async def test_requests_at_the_same_time_make_one_thing(self, store: Store) -> None:
        results = await asyncio.gather(
            *(store.kernels.insert(a_kernel("work"), KEY) for _ in range(8))
        )
        assert sum(made for _, made in results) == 1
        kernel = results[0][0]
        tasks = await asyncio.gather(*(store.tasks.insert(a_task(kernel), KEY) for _ in range(8)))
        assert sum(made for _, made in tasks) == 1
        assert len((await store.kernels.find(KernelQuery())).items) == 1
        assert len((await store.tasks.find(TaskQuery())).items) == 1

    async def test_tasks_submitted_at_the_same_time_have_numbers_of_their_own(
        self, store: Store
    ) -> None:
        kernel = await kept_kernel(store)
        made = await asyncio.gather(*(store.tasks.insert(a_task(kernel), None) for _ in range(20)))
        assert sorted(task.seq for task, _ in made) == list(range(1, 21))
