"""What every store does with events: state changes of all kernels and tasks, in one order."""

# ruff: noqa: S101 - this is a test suite

from __future__ import annotations

import asyncio
from dataclasses import replace

from kernelyard.model.kernel_phases import Phase, Wanted
from kernelyard.model.kernels import StateChange
from kernelyard.model.tasks import TaskState
from kernelyard.ports.stores import Store
from kernelyard.testing.stores.builders import (
    NOON,
    Journal,
    a_kernel,
    append,
    kept_kernel,
    kept_tasks,
)
from kernelyard.testing.stores.opening import Opening


def told(events: list[StateChange]) -> list[str]:
    """Each event in two words."""
    return [f"{'task' if event.task_id else 'kernel'} {event.state}" for event in events]


class EventConformance(Opening):
    """Every change is an event, seen by whom it belongs to, in order of its number."""

    async def test_a_new_store_has_none(self, store: Store) -> None:
        assert await store.events.last() == 0
        assert await store.events.read(0) == []

    async def test_a_life_is_told_in_the_order_in_which_it_happened(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        first, second = await kept_tasks(store, kernel, 2)
        journal = Journal()
        journal.ready()
        journal.started(1)
        journal.ended(1, "failed", "it raised")
        journal.started(2)
        journal.kernel_ended()
        await append(store, kernel, journal.records)
        events = await store.events.read(0)
        assert told(events) == [
            "kernel starting",
            "task queued",
            "task queued",
            "kernel idle",
            "task running",
            "task failed",
            "task running",
            "task lost",
            "kernel failed",
        ]
        assert [event.task_id for event in events[4:8]] == [first.id] * 2 + [second.id] * 2
        assert {event.kernel_id for event in events} == {kernel.id}
        failed, ended = events[5], events[8]
        assert (failed.reason, failed.at) == ("it raised", journal.records[3].at)
        assert (ended.reason, ended.at) == ("killed by SIGKILL", journal.records[-1].at)

    async def test_a_clock_that_was_set_back_does_not_turn_a_task_round(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        await kept_tasks(store, kernel, 1)
        journal = Journal()
        journal.records[0] = replace(journal.started(1), at=NOON * 2)
        journal.ended(1)
        await append(store, kernel, journal.records)
        assert told(await store.events.read(0))[-2:] == ["task running", "task succeeded"]

    async def test_what_is_copied_twice_is_told_once(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        await kept_tasks(store, kernel, 1)
        journal = Journal()
        journal.ready()
        journal.started(1)
        await append(store, kernel, journal.records)
        before = await store.events.read(0)
        journal.said(1)
        await append(store, kernel, journal.records)
        assert await store.events.read(0) == before

    async def test_numbers_grow_and_any_of_them_can_be_continued_from(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        await kept_tasks(store, kernel, 9)
        events = await store.events.read(0)
        numbers = [event.number for event in events]
        assert numbers == sorted(set(numbers))
        assert numbers[-1] == await store.events.last()
        for place, number in enumerate(numbers):
            assert await store.events.read(number) == events[place + 1 :]
            assert await store.events.read(number, limit=2) == events[place + 1 : place + 3]

    async def test_each_owner_sees_his_own_and_some_see_all(self, store: Store) -> None:
        adas = await kept_kernel(store)
        bobs = await kept_kernel(store, a_kernel(owner="bob"))
        await kept_tasks(store, bobs, 1)
        await store.kernels.enter(adas.no, Phase.FAILED, "no such image", NOON)
        everything = await store.events.read(0)
        mine = await store.events.read(0, owner="ada")
        assert told(mine) == ["kernel starting", "kernel failed"]
        assert told(await store.events.read(0, owner="bob")) == ["kernel starting", "task queued"]
        assert await store.events.read(0, owner="eve") == []
        assert [event for event in everything if event.kernel_id == adas.id] == mine
        assert len(everything) == 4

    async def test_one_kernel_can_be_asked_for(self, store: Store) -> None:
        first, second = await kept_kernel(store), await kept_kernel(store)
        await kept_tasks(store, first, 2)
        await kept_tasks(store, second, 1)
        events = await store.events.read(0, kernel_no=second.no)
        assert told(events) == ["kernel starting", "task queued"]
        assert {event.kernel_id for event in events} == {second.id}
        assert await store.events.read(0, kernel_no=second.no, owner="ada") == events
        assert await store.events.read(0, kernel_no=second.no, owner="bob") == []
        assert await store.events.read(events[0].number, kernel_no=second.no) == events[1:]

    async def test_the_events_of_a_deleted_kernel_go_and_the_numbers_stay(
        self, store: Store
    ) -> None:
        kept = await kept_kernel(store)
        gone = await kept_kernel(store)
        await kept_tasks(store, gone, 3)
        last = await store.events.last()
        await store.kernels.want(gone.no, Wanted.GONE, "deleted", NOON)
        for _ in range(2):
            events = await store.events.read(0)
            assert {event.kernel_id for event in events} == {kept.id}
            assert await store.events.read(0, kernel_no=gone.no) == []
            assert await store.events.last() >= last
            await store.kernels.remove(gone.no)
        await kept_tasks(store, kept, 1)
        (new,) = await store.events.read(last)
        assert new.state == TaskState.QUEUED
        assert new.number == await store.events.last()

    async def test_a_reader_misses_nothing_however_many_write_at_once(self, store: Store) -> None:
        kernels = [await kept_kernel(store) for _ in range(4)]
        seen: list[StateChange] = []
        wanted = len(kernels) * 11

        async def read() -> None:
            while len(seen) < wanted:
                seen.extend(await store.events.read(seen[-1].number if seen else 0, limit=3))
                await asyncio.sleep(0)

        writers = [kept_tasks(store, kernel, 10) for kernel in kernels]
        await asyncio.wait_for(asyncio.gather(read(), *writers), 30)
        assert seen == await store.events.read(0)
