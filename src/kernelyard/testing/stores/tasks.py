"""What every store does with tasks."""

# ruff: noqa: S101 - this is a test suite

from __future__ import annotations

from dataclasses import replace

import pytest

from kernelyard.model.errors import KernelEnded, KernelNotFound, TaskFinished, TaskNotFound
from kernelyard.model.kernel_phases import Phase, Wanted
from kernelyard.model.tasks import Task, TaskState
from kernelyard.ports.stores import Store, TaskQuery
from kernelyard.testing.stores.builders import (
    NO_KERNEL,
    NOON,
    Journal,
    a_kernel,
    a_task,
    append,
    kept_kernel,
    kept_tasks,
    present,
)
from kernelyard.testing.stores.opening import Opening

OPEN = frozenset({TaskState.QUEUED, TaskState.RUNNING})


class TaskConformance(Opening):
    """Tasks are numbered in their queue, found and cancelled."""

    async def test_tasks_are_numbered_in_their_kernels_queue(self, store: Store) -> None:
        one, two = await kept_kernel(store), await kept_kernel(store)
        seqs = [(await store.tasks.insert(a_task(k), None))[0].seq for k in (one, two, one, one)]
        assert seqs == [1, 1, 2, 3]
        assert (await present(store, one)).open_tasks == 3

    async def test_a_task_comes_back_as_it_was_put_in(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        task = a_task(kernel, "x = 'ü'\n" * 1000, labels={"cell": "7"}, created_at=NOON + 1)
        kept, created = await store.tasks.insert(task, None)
        assert created
        assert replace(kept, no=0, seq=0) == task
        assert await store.tasks.get(task.id, "ada") == kept
        assert (await present(store, kernel)).last_activity_at == NOON + 1

    async def test_a_task_keeps_what_it_needs(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        (first,) = await kept_tasks(store, kernel, 1)
        order = replace(a_task(kernel), needs_id=first.id, needs_seq=first.seq)
        kept, _ = await store.tasks.insert(order, None)
        assert (kept.needs_id, kept.needs_seq) == (first.id, 1)
        assert await store.tasks.get(kept.id, None) == kept
        assert (await store.tasks.undelivered(kernel.no, 1, 10)) == [kept]
        assert (first.needs_id, first.needs_seq) == (None, None)

    async def test_a_task_is_seen_by_its_owner_and_by_those_who_see_all(self, store: Store) -> None:
        (task,) = await kept_tasks(store, await kept_kernel(store), 1)
        assert await store.tasks.get(task.id, None) == task
        for task_id, owner in ((task.id, "eve"), ("no such id", None)):
            with pytest.raises(TaskNotFound):
                await store.tasks.get(task_id, owner)

    async def test_ahead_counts_the_open_tasks_before_it(self, store: Store) -> None:
        kernel, other = await kept_kernel(store), await kept_kernel(store)
        tasks = await kept_tasks(store, kernel, 4)
        await kept_tasks(store, other, 2)
        assert [task.ahead for task in tasks] == [0, 1, 2, 3]
        journal = Journal()
        journal.started(1)
        journal.ended(1)
        journal.started(2)
        await append(store, kernel, journal.records)
        found = (await store.tasks.find(TaskQuery())).items
        ahead = [(task.kernel_no == kernel.no, task.seq, task.ahead) for task in found]
        theirs = [(False, 2, 1), (False, 1, 0)]
        assert ahead == [*theirs, (True, 4, 2), (True, 3, 1), (True, 2, 0), (True, 1, 0)]
        assert (await store.tasks.get(tasks[3].id, None)).ahead == 2

    async def test_a_kernel_that_ends_takes_no_tasks(self, store: Store) -> None:
        stopping, failed, gone = [await kept_kernel(store) for _ in range(3)]
        await store.kernels.want(stopping.no, Wanted.STOP, None, NOON)
        await store.kernels.enter(failed.no, Phase.FAILED, None, NOON)
        await store.kernels.want(gone.no, Wanted.GONE, None, NOON)
        for kernel in (stopping, failed):
            with pytest.raises(KernelEnded):
                await store.tasks.insert(a_task(kernel), None)
        for kernel in (gone, replace(a_kernel(), no=NO_KERNEL)):
            with pytest.raises(KernelNotFound):
                await store.tasks.insert(a_task(kernel), None)

    async def test_tasks_are_listed_newest_first_in_pages(self, store: Store) -> None:
        one, two = await kept_kernel(store), await kept_kernel(store, a_kernel(owner="bob"))
        kept: list[Task] = []
        for kernel in (one, two, one, two, one):
            kept += await kept_tasks(store, kernel, 1)
        newest = kept[::-1]
        for query, expected in (
            (TaskQuery(), newest),
            (TaskQuery(owner="ada"), newest[0::2]),
            (TaskQuery(kernel_no=two.no), newest[1::2]),
            (TaskQuery(kernel_no=two.no, owner="ada"), []),
            (TaskQuery(states=OPEN), newest),
        ):
            listed: list[Task] = []
            before: int | None = None
            while True:
                page = await store.tasks.find(replace(query, limit=2, before=before))
                listed += page.items
                assert len(page.items) == 2 or page.next is None
                if page.next is None:
                    break
                before = page.next
            assert listed == expected

    async def test_tasks_are_found_by_state_and_labels(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        red = {"colour": "red"}
        for labels in (red, {}, {**red, "size": "1"}):
            await store.tasks.insert(a_task(kernel, labels=labels), None)
        journal = Journal()
        journal.started(1)
        await append(store, kernel, journal.records)

        async def seqs(query: TaskQuery) -> list[int]:
            return [task.seq for task in (await store.tasks.find(query)).items]

        queued, running = frozenset({TaskState.QUEUED}), frozenset({TaskState.RUNNING})
        assert await seqs(TaskQuery(states=queued)) == [3, 2]
        assert await seqs(TaskQuery(states=running, owner="ada")) == [1]
        assert await seqs(TaskQuery(states=OPEN, kernel_no=kernel.no, limit=2)) == [3, 2]
        assert await seqs(TaskQuery(states=frozenset())) == []
        assert await seqs(TaskQuery(labels=red)) == [3, 1]
        assert await seqs(TaskQuery(labels=red, states=running)) == [1]
        assert await seqs(TaskQuery(labels={**red, "size": "1"}, kernel_no=kernel.no)) == [3]
        assert await seqs(TaskQuery(labels=red, owner="eve")) == []

    async def test_undelivered_tasks_come_in_order(self, store: Store) -> None:
        kernel, other = await kept_kernel(store), await kept_kernel(store)
        await kept_tasks(store, kernel, 5)
        await kept_tasks(store, other, 1)
        journal = Journal()
        journal.started(1)
        await append(store, kernel, journal.records)

        async def seqs(after: int, limit: int = 100) -> list[int]:
            return [task.seq for task in await store.tasks.undelivered(kernel.no, after, limit)]

        assert await seqs(0) == [2, 3, 4, 5]
        assert await seqs(3) == [4, 5]
        assert await seqs(0, limit=2) == [2, 3]
        assert await seqs(5) == []
        assert await seqs(50) == []

    async def test_a_cancellation_is_remembered_until_the_task_ends(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        tasks = await kept_tasks(store, kernel, 3)
        asked = await store.tasks.request_cancel(tasks[1].no)
        await store.tasks.request_cancel(tasks[0].no)
        assert (asked.cancel_requested, asked.state, asked.ahead) == (True, TaskState.QUEUED, 1)
        assert await store.tasks.request_cancel(tasks[1].no) == asked
        assert [task.seq for task in await store.tasks.cancelling(kernel.no)] == [1, 2]
        journal = Journal()
        journal.ended(2, "cancelled", "asked by ada")
        await append(store, kernel, journal.records)
        assert [task.seq for task in await store.tasks.cancelling(kernel.no)] == [1]
        ended = await store.tasks.get(tasks[1].id, None)
        assert (ended.state, ended.reason) == (TaskState.CANCELLED, "asked by ada")
        assert ended.started_at is None

    async def test_a_finished_task_cannot_be_cancelled(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        (task,) = await kept_tasks(store, kernel, 1)
        journal = Journal()
        journal.started(1)
        journal.ended(1)
        await append(store, kernel, journal.records)
        with pytest.raises(TaskFinished):
            await store.tasks.request_cancel(task.no)
        with pytest.raises(TaskNotFound):
            await store.tasks.request_cancel(NO_KERNEL)
