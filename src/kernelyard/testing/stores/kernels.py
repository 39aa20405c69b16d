"""What every store does with kernels."""

# ruff: noqa: S101 - this is a test suite

from __future__ import annotations

from dataclasses import replace

import pytest

from kernelyard.model.errors import AlreadyAttached, KernelNotFound, NameTaken, TaskNotFound
from kernelyard.model.kernel_phases import Phase, Wanted
from kernelyard.model.kernels import Kernel
from kernelyard.ports.stores import KernelQuery, Store, TaskQuery
from kernelyard.testing.stores.builders import (
    NO_KERNEL,
    NOON,
    Journal,
    a_kernel,
    append,
    kept_kernel,
    kept_tasks,
    present,
    unnumbered,
)
from kernelyard.testing.stores.opening import Opening


class KernelConformance(Opening):
    """Kernels are kept, found, moved and removed."""

    async def test_a_kernel_comes_back_as_it_was_put_in(self, store: Store) -> None:
        kernel = a_kernel("mine", labels={"door/session": "a b", "x": ""})
        kept, created = await store.kernels.insert(kernel, None)
        assert created
        assert unnumbered(kept) == kernel
        assert await store.kernels.get(kernel.id, "ada") == kept
        assert await store.kernels.by_no(kept.no) == kept

    async def test_a_kernel_is_seen_by_its_owner_and_by_those_who_see_all(
        self, store: Store
    ) -> None:
        kernel = await kept_kernel(store)
        assert await store.kernels.get(kernel.id, None) == kernel
        with pytest.raises(KernelNotFound):
            await store.kernels.get(kernel.id, "eve")
        assert (await store.kernels.find(KernelQuery(owner="eve"))).items == []

    async def test_an_unknown_kernel_is_not_found(self, store: Store) -> None:
        with pytest.raises(KernelNotFound):
            await store.kernels.get("../etc", None)
        assert await store.kernels.by_no(NO_KERNEL) is None
        assert await store.kernels.want(NO_KERNEL, Wanted.STOP, None, NOON) is None
        assert await store.kernels.want_attempt(NO_KERNEL, NOON) is None
        assert await store.kernels.enter(NO_KERNEL, Phase.READY, None, NOON) is None
        assert await store.kernels.history(NO_KERNEL) == []
        await store.kernels.remove(NO_KERNEL)

    async def test_a_name_is_taken_while_its_kernel_lives(self, store: Store) -> None:
        first = await kept_kernel(store, a_kernel("work"))
        with pytest.raises(NameTaken):
            await store.kernels.insert(a_kernel("work"), None)
        assert await store.kernels.live_by_name("ada", "work") == first
        await kept_kernel(store, a_kernel("work", owner="bob"))
        await kept_kernel(store, a_kernel())
        await kept_kernel(store, a_kernel())
        await store.kernels.want(first.no, Wanted.STOP, None, NOON)
        assert await store.kernels.live_by_name("ada", "work") is None
        second = await kept_kernel(store, a_kernel("work"))
        assert await store.kernels.live_by_name("ada", "work") == second

    async def test_an_identity_is_attached_once_while_its_kernel_lives(self, store: Store) -> None:
        def attached(owner: str = "ada") -> Kernel:
            return replace(a_kernel(owner=owner), owned=False, identity="abc")

        first = await kept_kernel(store, attached())
        with pytest.raises(AlreadyAttached):
            await store.kernels.insert(attached(), None)
        assert await store.kernels.live_by_identity("ada", "abc") == first
        assert await store.kernels.live_by_identity("ada", "else") is None
        await kept_kernel(store, attached("bob"))
        await store.kernels.want(first.no, Wanted.STOP, None, NOON)
        assert await store.kernels.live_by_identity("ada", "abc") is None
        await kept_kernel(store, attached())

    async def test_whether_to_shut_down_is_kept_with_the_stop(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        stopped = await store.kernels.want(kernel.no, Wanted.STOP, None, NOON, shut_down=True)
        assert stopped is not None
        assert stopped.shut_down
        again = await store.kernels.want(kernel.no, Wanted.STOP, None, NOON)
        assert again is not None
        assert again.shut_down
        other = await kept_kernel(store)
        await store.kernels.want(other.no, Wanted.STOP, None, NOON)
        late = await store.kernels.want(other.no, Wanted.STOP, None, NOON, shut_down=True)
        assert late is not None
        assert not late.shut_down

    async def test_a_failed_kernel_gives_its_name_back(self, store: Store) -> None:
        kernel = await kept_kernel(store, a_kernel("work"))
        await store.kernels.enter(kernel.no, Phase.FAILED, "no such image", NOON)
        assert await store.kernels.live_count() == 0
        await kept_kernel(store, a_kernel("work"))
        assert await store.kernels.live_count() == 1

    async def test_kernels_are_listed_newest_first_in_pages(self, store: Store) -> None:
        kernels = [await kept_kernel(store) for _ in range(5)]
        first = await store.kernels.find(KernelQuery(limit=2))
        assert first.items == [kernels[4], kernels[3]]
        assert first.next == kernels[3].no
        await kept_kernel(store)
        second = await store.kernels.find(KernelQuery(limit=2, before=first.next))
        third = await store.kernels.find(KernelQuery(limit=2, before=second.next))
        assert second.items == [kernels[2], kernels[1]]
        assert third.items == [kernels[0]]
        assert third.next is None

    async def test_a_full_last_page_has_no_next(self, store: Store) -> None:
        kernels = [await kept_kernel(store) for _ in range(2)]
        page = await store.kernels.find(KernelQuery(limit=2, owner="ada"))
        assert (page.items, page.next) == (kernels[::-1], None)

    async def test_kernels_are_found_by_phase_name_and_labels(self, store: Store) -> None:
        one = await kept_kernel(store, a_kernel("one", labels={"team": "red", "cell": "1"}))
        two = await kept_kernel(store, a_kernel("two", labels={"team": "red", "cell": "2"}))
        three = await kept_kernel(store, a_kernel("one", owner="bob", labels={"team": "blue"}))
        ended = await store.kernels.enter(two.no, Phase.FAILED, "no", NOON)

        async def found(query: KernelQuery) -> list[Kernel]:
            return (await store.kernels.find(query)).items

        early = frozenset({Phase.REQUESTED, Phase.LAUNCHING})
        assert await found(KernelQuery(phases=early)) == [three, one]
        assert await found(KernelQuery(phases=early, owner="ada")) == [one]
        assert await found(KernelQuery(phases=early | {Phase.FAILED})) == [three, ended, one]
        assert await found(KernelQuery(phases=frozenset())) == []
        assert await found(KernelQuery(name="one")) == [three, one]
        assert await found(KernelQuery(name="one", owner="bob", phases=early)) == [three]
        assert await found(KernelQuery(labels={"team": "red"})) == [ended, one]
        assert await found(KernelQuery(labels={"team": "red", "cell": "1"})) == [one]
        assert await found(KernelQuery(labels={"team": "red"}, before=two.no)) == [one]
        assert await found(KernelQuery(labels={"team": "red"}, phases=early, name="one")) == [one]
        assert await found(KernelQuery(labels={"team": "green"})) == []

    async def test_what_is_wanted_only_moves_downwards(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        stopped = await store.kernels.want(kernel.no, Wanted.STOP, "asked by ada", NOON + 1)
        assert stopped is not None
        assert (stopped.wanted, stopped.reason) == (Wanted.STOP, "asked by ada")
        again = await store.kernels.want(kernel.no, Wanted.RUN, "changed my mind", NOON + 2)
        assert again == stopped
        assert await store.kernels.get(kernel.id, None) == stopped

    async def test_a_kernel_wanted_gone_is_hidden_until_it_is_removed(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        (task,) = await kept_tasks(store, kernel, 1)
        gone = await store.kernels.want(kernel.no, Wanted.GONE, None, NOON)
        with pytest.raises(KernelNotFound):
            await store.kernels.get(kernel.id, "ada")
        with pytest.raises(TaskNotFound):
            await store.tasks.get(task.id, "ada")
        assert (await store.kernels.find(KernelQuery())).items == []
        assert (await store.tasks.find(TaskQuery())).items == []
        assert (await store.tasks.find(TaskQuery(kernel_no=kernel.no))).items == []
        assert await store.kernels.by_no(kernel.no) == gone
        assert await store.kernels.unfinished() == [gone]

    async def test_removing_takes_tasks_outputs_and_history_along(self, store: Store) -> None:
        kernel = await kept_kernel(store, a_kernel("work", labels={"a": "b"}))
        other = await kept_kernel(store)
        journal = Journal()
        journal.said(0)
        for one in (kernel, other):
            await kept_tasks(store, one, 2)
            await append(store, one, journal.records)
        await store.kernels.remove(kernel.no)
        await store.kernels.remove(kernel.no)
        assert await store.kernels.by_no(kernel.no) is None
        assert await store.kernels.history(kernel.no) == []
        assert await store.outputs.read(kernel.no, 0) == []
        assert (await store.tasks.find(TaskQuery(kernel_no=kernel.no))).items == []
        assert await append(store, kernel, journal.records) is None
        assert len((await store.tasks.find(TaskQuery())).items) == 2
        assert await store.outputs.read(other.no, 0) == journal.records
        assert len(await store.kernels.history(other.no)) == 1

    async def test_numbers_are_never_given_twice(self, store: Store) -> None:
        first = await kept_kernel(store)
        await store.kernels.remove(first.no)
        assert (await kept_kernel(store)).no > first.no

    async def test_one_more_start_is_asked_for_once(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        journal = Journal()
        assert await store.kernels.want_attempt(kernel.no, NOON) == kernel
        journal.ready()
        await append(store, kernel, journal.records)
        asked = await store.kernels.want_attempt(kernel.no, NOON + 1)
        assert asked is not None
        assert (asked.attempt, asked.ran_attempt) == (2, 1)
        assert await store.kernels.want_attempt(kernel.no, NOON + 2) == asked
        states = [change.state for change in await store.kernels.history(kernel.no)]
        assert states == ["starting", "idle", "restarting"]

    async def test_a_kernel_that_is_not_wanted_is_not_started_again(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        journal = Journal()
        journal.ready()
        await append(store, kernel, journal.records)
        stopped = await store.kernels.want(kernel.no, Wanted.STOP, None, NOON)
        assert await store.kernels.want_attempt(kernel.no, NOON) == stopped

    async def test_a_final_phase_never_moves(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        failed = await store.kernels.enter(kernel.no, Phase.FAILED, "broken", NOON + 5)
        assert failed is not None
        assert (failed.phase, failed.reason, failed.ended_at) == (Phase.FAILED, "broken", NOON + 5)
        for phase in Phase:
            assert await store.kernels.enter(kernel.no, phase, "late", NOON + 9) == failed

    async def test_a_launch_order_that_is_repeated_does_not_put_a_kernel_back(
        self, store: Store
    ) -> None:
        kernel = await kept_kernel(store)
        journal = Journal()
        journal.ready()
        await append(store, kernel, journal.records)
        again = await store.kernels.enter(kernel.no, Phase.LAUNCHING, None, NOON)
        assert again is not None
        assert again.phase is Phase.READY

    async def test_unfinished_kernels_are_those_with_work_left(self, store: Store) -> None:
        requested = await kept_kernel(store)
        ended, settled, gone = [await kept_kernel(store) for _ in range(3)]
        journal = Journal()
        journal.ready()
        journal.kernel_ended()
        await append(store, ended, journal.records)
        await store.kernels.enter(settled.no, Phase.FAILED, "lost", NOON)
        await append(store, gone, journal.records)
        await store.kernels.want(gone.no, Wanted.GONE, None, NOON)
        open_ones = [kernel.no for kernel in await store.kernels.unfinished()]
        assert open_ones == [requested.no, settled.no, gone.no]

    async def test_a_kernel_that_leaves_is_shown_to_its_owner_if_that_is_asked(
        self, store: Store
    ) -> None:
        kernel = await kept_kernel(store)
        assert await store.kernels.get(kernel.id, "ada", leaving=True) == kernel
        await store.kernels.want(kernel.no, Wanted.GONE, None, NOON)
        with pytest.raises(KernelNotFound):
            await store.kernels.get(kernel.id, "ada")
        shown = await store.kernels.get(kernel.id, "ada", leaving=True)
        assert (shown.no, shown.wanted) == (kernel.no, Wanted.GONE)
        with pytest.raises(KernelNotFound):
            await store.kernels.get(kernel.id, "eve", leaving=True)
        await store.kernels.remove(kernel.no)
        with pytest.raises(KernelNotFound):
            await store.kernels.get(kernel.id, None, leaving=True)

    async def test_history_tells_each_state_once_and_each_new_reason(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        await store.kernels.enter(kernel.no, Phase.LAUNCHING, None, NOON + 1)
        for at in (2, 3):
            await store.kernels.enter(kernel.no, Phase.LAUNCHING, "no agent yet", NOON + at)
        await store.kernels.want(kernel.no, Wanted.STOP, "asked by ada", NOON + 4)
        await store.kernels.enter(kernel.no, Phase.STOPPED, None, NOON + 5)
        history = await store.kernels.history(kernel.no)
        assert [(one.at - NOON, one.state, one.reason) for one in history] == [
            (0, "starting", None),
            (2, "starting", "no agent yet"),
            (4, "terminating", "asked by ada"),
            (5, "terminated", "asked by ada"),
        ]
        assert {(one.kernel_id, one.task_id) for one in history} == {(kernel.id, None)}
        numbers = [one.number for one in history]
        assert numbers == sorted(set(numbers))
        assert (await present(store, kernel)).ended_at == NOON + 5
