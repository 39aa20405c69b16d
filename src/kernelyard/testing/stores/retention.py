"""What every store does when outputs of ended kernels have been kept long enough."""

# ruff: noqa: S101 - this is a test suite

from __future__ import annotations

from kernelyard.model.kernel_phases import Phase, Wanted
from kernelyard.model.kernels import Kernel
from kernelyard.model.tasks import TaskState
from kernelyard.ports.stores import Store, TaskQuery
from kernelyard.testing.stores.builders import (
    NO_KERNEL,
    NOON,
    Journal,
    append,
    kept_kernel,
    kept_tasks,
    present,
)
from kernelyard.testing.stores.opening import Opening


async def an_ended_kernel(store: Store, *, waits: int = 0, outputs: int = 2) -> Kernel:
    """A kernel that ran one task; it ended the later, the longer it ``waits``."""
    kernel = await kept_kernel(store)
    await kept_tasks(store, kernel, 1)
    journal = Journal()
    for _ in range(waits):
        journal.said(0)
    journal.started(1)
    for _ in range(outputs):
        journal.said(1, "x" * 100)
    journal.ended(1)
    journal.kernel_ended()
    await append(store, kernel, journal.records)
    return await present(store, kernel)


def numbers(kernels: list[Kernel]) -> list[int]:
    """The store's own numbers of kernels."""
    return [kernel.no for kernel in kernels]


class RetentionConformance(Opening):
    """Outputs go, what became of kernels and tasks stays."""

    async def test_ended_kernels_are_found_in_the_order_in_which_they_ended(
        self, store: Store
    ) -> None:
        late = await an_ended_kernel(store, waits=9)
        early = await an_ended_kernel(store)
        live = await kept_kernel(store)
        journal = Journal()
        journal.said(0)
        await append(store, live, journal.records)
        assert await store.kernels.kept(10) == [early, late]
        assert await store.kernels.kept(10, newest=True) == [late, early]
        assert await store.kernels.kept(1) == [early]
        assert early.ended_at is not None
        assert await store.kernels.kept(10, ended_by=early.ended_at) == [early]
        assert await store.kernels.kept(10, ended_by=early.ended_at - 1) == []
        assert numbers(await store.kernels.ended(NOON * 2, 10)) == [late.no, early.no]
        assert numbers(await store.kernels.ended(NOON * 2, 1)) == [late.no]
        assert numbers(await store.kernels.ended(early.ended_at, 10)) == [early.no]
        assert await store.kernels.kept_bytes() == early.stored_bytes + late.stored_bytes > 400

    async def test_outputs_are_removed_and_the_rest_stays(self, store: Store) -> None:
        kernel = await an_ended_kernel(store, outputs=1200)
        other = await an_ended_kernel(store)
        tasks = await store.tasks.find(TaskQuery(kernel_no=kernel.no))
        history = await store.kernels.history(kernel.no)
        assert await store.kernels.remove_outputs(kernel.no, NOON + 5)
        removed = await present(store, kernel)
        assert (removed.outputs_removed_at, removed.stored_bytes) == (NOON + 5, 0)
        assert (removed.state, removed.reason) == (kernel.state, kernel.reason)
        assert removed.stored_number == kernel.stored_number
        assert await store.outputs.read(kernel.no, 0) == []
        assert await store.tasks.find(TaskQuery(kernel_no=kernel.no)) == tasks
        assert tasks.items[0].state is TaskState.SUCCEEDED
        assert await store.kernels.history(kernel.no) == history
        assert await store.kernels.kept(10) == [other]
        assert await store.kernels.kept_bytes() == other.stored_bytes
        assert len(await store.outputs.read(other.no, 0)) == 5
        assert numbers(await store.kernels.ended(NOON * 2, 10)) == [kernel.no, other.no]
        assert await store.kernels.half_removed() == []

    async def test_removing_outputs_again_changes_nothing(self, store: Store) -> None:
        kernel = await an_ended_kernel(store)
        await store.kernels.remove_outputs(kernel.no, NOON + 5)
        removed = await present(store, kernel)
        assert await store.kernels.remove_outputs(kernel.no, NOON + 9)
        assert await present(store, kernel) == removed

    async def test_outputs_of_a_kernel_that_lives_are_not_removed(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        journal = Journal()
        journal.said(0)
        await append(store, kernel, journal.records)
        assert not await store.kernels.remove_outputs(kernel.no, NOON)
        await store.kernels.enter(kernel.no, Phase.FAILED, "no", NOON)
        assert not await store.kernels.remove_outputs(kernel.no, NOON)
        assert await store.kernels.kept(10) == await store.kernels.ended(NOON * 2, 10) == []
        assert await store.outputs.read(kernel.no, 0) == journal.records
        assert not await store.kernels.remove_outputs(NO_KERNEL, NOON)

    async def test_a_kernel_that_is_being_deleted_is_not_counted(self, store: Store) -> None:
        kernel = await an_ended_kernel(store)
        await store.kernels.want(kernel.no, Wanted.GONE, None, NOON)
        assert await store.kernels.kept(10) == []
        assert await store.kernels.ended(NOON * 2, 10) == []
        assert await store.kernels.kept_bytes() == 0

    async def test_a_kernel_without_outputs_is_removed_and_deleted_like_any_other(
        self, store: Store
    ) -> None:
        kernel = await kept_kernel(store)
        await store.kernels.settle(
            kernel.no, Phase.FAILED, TaskState.CANCELLED, "no such image", NOON
        )
        assert numbers(await store.kernels.kept(10)) == [kernel.no]
        assert await store.kernels.remove_outputs(kernel.no, NOON + 5)
        assert await store.kernels.half_removed() == []
        await store.kernels.remove(kernel.no)
        assert await store.kernels.by_no(kernel.no) is None
