"""What every store does with ids that kernels and tasks were given at doors with ids of their own."""

# ruff: noqa: S101 - this is a test suite

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kernelyard.model.errors import AlreadyExists, KernelNotFound, TaskNotFound
from kernelyard.model.kernel_phases import Phase, Wanted
from kernelyard.model.kernels import Kernel
from kernelyard.model.pools import Claim
from kernelyard.model.tasks import Task
from kernelyard.ports.stores import Idempotency, Store
from kernelyard.testing.stores.builders import NOON, a_kernel, a_task, kept_kernel, present
from kernelyard.testing.stores.opening import Opening
from kernelyard.testing.stores.pools import a_pool, ready

ID = "dialect/mine"
KEY = Idempotency("key", "digest")


def called(external_id: str = ID, owner: str = "ada") -> Kernel:
    """A kernel with an id of its own that no store has seen yet."""
    return replace(a_kernel(owner=owner), external_id=external_id)


def called_task(kernel: Kernel, external_id: str = ID) -> Task:
    """A task with an id of its own that no store has seen yet."""
    return replace(a_task(kernel), external_id=external_id)


class ExternalIdConformance(Opening):
    """An id is its owner's until the kernel is deleted, and a task's as long as its kernel is there."""

    async def test_a_kernel_is_found_by_the_id_that_its_owner_gave_it(self, store: Store) -> None:
        ada, bob = await kept_kernel(store, called()), await kept_kernel(store, called(owner="bob"))
        await kept_kernel(store)
        assert ada.external_id == ID
        assert await store.kernels.by_external_id(ID, "ada") == ada
        assert await store.kernels.by_external_id(ID, "bob") == bob
        assert await store.kernels.by_external_id(ID, None) == bob
        for owner, name in (("eve", ID), ("ada", "dialect/other"), (None, "dialect/other")):
            with pytest.raises(KernelNotFound):
                await store.kernels.by_external_id(name, owner)

    async def test_an_id_is_given_once_until_its_kernel_is_deleted(self, store: Store) -> None:
        first = await kept_kernel(store, called())
        for wanted in (Wanted.RUN, Wanted.STOP):
            await store.kernels.want(first.no, wanted, None, NOON)
            with pytest.raises(AlreadyExists):
                await kept_kernel(store, called())
        await store.kernels.enter(first.no, Phase.STOPPED, None, NOON)
        with pytest.raises(AlreadyExists):
            await store.kernels.existing(called(), None)
        await store.kernels.want(first.no, Wanted.GONE, None, NOON)
        with pytest.raises(KernelNotFound):
            await store.kernels.by_external_id(ID, "ada")
        second = await kept_kernel(store, called())
        assert await store.kernels.by_external_id(ID, "ada") == second
        await store.kernels.remove(first.no)
        assert await store.kernels.by_external_id(ID, "ada") == second

    async def test_a_repeated_create_is_no_second_use_of_its_id(self, store: Store) -> None:
        first, _ = await store.kernels.insert(called(), KEY)
        again, made = await store.kernels.insert(called(), KEY)
        assert (again, made) == (first, False)

    async def test_of_those_who_give_one_id_at_once_one_has_it(self, store: Store) -> None:
        creating = (store.kernels.insert(called(), None) for _ in range(6))
        made = await asyncio.gather(*creating, return_exceptions=True)
        assert sum(isinstance(one, AlreadyExists) for one in made) == 5

        kernel = await store.kernels.by_external_id(ID, "ada")
        submitting = (store.tasks.insert(called_task(kernel), None) for _ in range(6))
        tasks = await asyncio.gather(*submitting, return_exceptions=True)
        assert sum(isinstance(one, AlreadyExists) for one in tasks) == 5
        assert (await present(store, kernel)).open_tasks == 1

    async def test_a_claimed_kernel_has_the_id_that_it_was_claimed_with(self, store: Store) -> None:
        pool = await store.pools.put(a_pool())
        for _ in range(2):
            await ready(store, pool)
        claim = Claim(pools=(pool.no,), digest="digest", applies=False)
        taken = await store.pools.claim(called(), claim, None)
        assert taken is not None
        assert await store.kernels.by_external_id(ID, "ada") == taken[0]
        with pytest.raises(AlreadyExists):
            await store.pools.claim(called(), claim, None)

    async def test_a_task_is_found_among_those_of_its_kernel(self, store: Store) -> None:
        one, two = await kept_kernel(store), await kept_kernel(store)
        first, _ = await store.tasks.insert(called_task(one), None)
        other, _ = await store.tasks.insert(called_task(two), None)
        assert first.external_id == ID
        assert await store.tasks.by_external_id(one.no, ID) == first
        assert await store.tasks.by_external_id(two.no, ID) == other
        assert await store.tasks.get(first.id, None) == first
        with pytest.raises(TaskNotFound):
            await store.tasks.by_external_id(one.no, "dialect/other")

    async def test_a_task_id_is_given_once_on_a_kernel(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        await store.tasks.insert(called_task(kernel), None)
        with pytest.raises(AlreadyExists):
            await store.tasks.insert(called_task(kernel), None)
        next_one, _ = await store.tasks.insert(called_task(kernel, "dialect/next"), None)
        assert next_one.seq == 2

    async def test_tasks_of_a_deleted_kernel_are_not_found(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        await store.tasks.insert(called_task(kernel), None)
        await store.kernels.want(kernel.no, Wanted.GONE, None, NOON)
        with pytest.raises(TaskNotFound):
            await store.tasks.by_external_id(kernel.no, ID)
