"""What every store makes of the records that it copies."""

# ruff: noqa: S101 - this is a test suite

from __future__ import annotations

import pytest

from kernelyard.model.json import JsonValue
from kernelyard.model.kernel_phases import KernelState, Phase, Wanted
from kernelyard.model.records import RecordKind
from kernelyard.model.tasks import FIRST_CLIENT_SEQ, TaskError, TaskState
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


class SettlingConformance(Opening):
    """Kernels and tasks follow their journal, and an end is an end."""

    async def test_a_kernel_becomes_ready(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        journal = Journal()
        ready = journal.ready()
        await append(store, kernel, journal.records)
        kernel = await present(store, kernel)
        assert kernel.state is KernelState.IDLE
        assert kernel.info == {"banner": "hello ☀"}
        assert (kernel.ran_attempt, kernel.ready_at, kernel.started) == (1, ready.at, "fork")
        assert kernel.last_activity_at == ready.at

    async def test_a_task_runs_and_ends(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        first, second = await kept_tasks(store, kernel, 2)
        journal = Journal()
        journal.ready()
        started = journal.started(1)
        await append(store, kernel, journal.records)
        busy = await present(store, kernel)
        assert (busy.state, busy.current_seq) == (KernelState.BUSY, 1)
        assert (busy.current_task_id, busy.open_tasks) == (first.id, 2)
        running = await store.tasks.get(first.id, None)
        assert (running.state, running.started_at) == (TaskState.RUNNING, started.at)
        said = journal.said(1)
        ended = journal.ended(
            1, "failed", error={"name": "ValueError", "value": "\ud800", "traceback": ["a", "b"]}
        )
        next_start = journal.started(2)
        assert await append(store, kernel, [said, ended, next_start]) == next_start.number
        task = await store.tasks.get(first.id, None)
        assert (task.state, task.started_at, task.ended_at) == (
            TaskState.FAILED,
            started.at,
            ended.at,
        )
        assert (task.first_number, task.last_number) == (started.number, ended.number)
        assert task.error == TaskError(name="ValueError", value="\ud800", traceback=("a", "b"))
        assert task.execution_count == 1
        busy = await present(store, kernel)
        assert (busy.current_task_id, busy.open_tasks) == (second.id, 1)
        assert busy.last_activity_at == next_start.at

    async def test_a_settled_task_never_moves_again(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        (task,) = await kept_tasks(store, kernel, 1)
        journal = Journal()
        journal.started(1)
        journal.ended(1)
        await append(store, kernel, journal.records)
        settled = await store.tasks.get(task.id, None)
        late = [journal.started(1), journal.ended(1, "lost", "no")]
        await append(store, kernel, late)
        assert await store.tasks.get(task.id, None) == settled
        assert (await present(store, kernel)).open_tasks == 0

    async def test_records_of_unknown_tasks_do_no_harm(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        journal = Journal()
        journal.started(7)
        await append(store, kernel, journal.records)
        found = await present(store, kernel)
        assert (found.current_seq, found.current_task_id, found.open_tasks) == (7, None, 0)

    async def test_a_restart_is_seen_and_the_queue_stays(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        await kept_tasks(store, kernel, 2)
        journal = Journal()
        journal.ready()
        journal.started(1)
        await append(store, kernel, journal.records)
        await store.kernels.want_attempt(kernel.no, NOON)
        restart = [
            journal.ended(1, "cancelled", "the kernel was restarted"),
            journal.add(RecordKind.KERNEL_RESTARTING, attempt=2, reason="asked by ada"),
        ]
        await append(store, kernel, restart)
        restarting = await present(store, kernel)
        assert restarting.state is KernelState.RESTARTING
        assert (restarting.reason, restarting.current_seq) == ("asked by ada", None)
        ready = journal.ready(attempt=2)
        await append(store, kernel, journal.records[-2:])
        idle = await present(store, kernel)
        assert (idle.state, idle.ran_attempt, idle.open_tasks) == (KernelState.IDLE, 2, 1)
        assert idle.reason is None
        assert idle.ready_at is not None
        assert idle.ready_at < ready.at
        states = [change.state for change in await store.kernels.history(kernel.no)]
        assert states == ["starting", "idle", "restarting", "restarting", "idle"]

    async def test_a_kernel_that_stops_does_not_come_back(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        journal = Journal()
        journal.ready()
        journal.add(RecordKind.KERNEL_STOPPING, cause="idle", reason="idle for 1h")
        journal.ready(attempt=2)
        await append(store, kernel, journal.records)
        stopping = await present(store, kernel)
        assert (stopping.phase, stopping.reason) == (Phase.STOPPING, "idle for 1h")
        end = journal.kernel_ended("idle", None)
        await append(store, kernel, [end])
        stopped = await present(store, kernel)
        assert (stopped.phase, stopped.reason) == (Phase.STOPPED, "idle for 1h")
        assert (stopped.ended_at, stopped.journal_closed) == (end.at, True)

    async def test_a_killed_kernel_has_failed_and_says_why(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        (task,) = await kept_tasks(store, kernel, 1)
        journal = Journal()
        journal.ready()
        journal.started(1)
        journal.ended(1, "lost", "killed while this ran")
        end = journal.kernel_ended()
        await append(store, kernel, journal.records)
        failed = await present(store, kernel)
        assert (failed.state, failed.reason) == (KernelState.FAILED, "killed by SIGKILL")
        assert (failed.current_seq, failed.current_task_id) == (None, None)
        assert failed.ended_at == end.at
        lost = await store.tasks.get(task.id, None)
        assert (lost.state, lost.reason) == (TaskState.LOST, "killed while this ran")

    async def test_tasks_that_the_agent_never_saw_end_with_their_kernel(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        running, queued = await kept_tasks(store, kernel, 2)
        journal = Journal()
        journal.started(1)
        end = journal.kernel_ended()
        await append(store, kernel, journal.records)
        running = await store.tasks.get(running.id, None)
        queued = await store.tasks.get(queued.id, None)
        assert (running.state, running.ended_at) == (TaskState.LOST, end.at)
        assert (queued.state, queued.ended_at) == (TaskState.CANCELLED, end.at)
        assert "killed by SIGKILL" in (queued.reason or "")
        assert (await present(store, kernel)).open_tasks == 0

    async def test_a_kernel_without_a_journal_is_settled(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        tasks = await kept_tasks(store, kernel, 2)
        await store.kernels.want(kernel.no, Wanted.STOP, "asked", NOON)
        settled = await store.kernels.settle(
            kernel.no, Phase.STOPPED, TaskState.CANCELLED, "never started", NOON + 7
        )
        assert settled == await present(store, kernel)
        assert settled is not None
        assert (settled.state, settled.reason) == (KernelState.TERMINATED, "never started")
        assert (settled.journal_closed, settled.open_tasks) == (True, 0)
        for task in tasks:
            ended = await store.tasks.get(task.id, None)
            assert (ended.state, ended.reason) == (TaskState.CANCELLED, "never started")
            assert ended.ended_at == NOON + 7
        again = await store.kernels.settle(
            kernel.no, Phase.FAILED, TaskState.LOST, "twice", NOON + 9
        )
        assert again == settled
        assert await store.kernels.unfinished() == []

    async def test_settling_what_is_not_there_says_so(self, store: Store) -> None:
        state = TaskState.CANCELLED
        assert await store.kernels.settle(NO_KERNEL, Phase.FAILED, state, "x", NOON) is None

    @pytest.mark.parametrize("pieces", [1, 2, 3, 100])
    async def test_how_a_journal_is_cut_into_batches_makes_no_difference(
        self, store: Store, pieces: int
    ) -> None:
        kernel = await kept_kernel(store)
        await kept_tasks(store, kernel, 3)
        journal = Journal()
        journal.ready()
        for seq, state in ((1, "succeeded"), (2, "failed")):
            journal.started(seq)
            journal.said(seq)
            journal.ended(seq, state)
        journal.started(3)
        journal.kernel_ended()
        for begin in range(0, len(journal.records), pieces):
            await append(store, kernel, journal.records[begin : begin + pieces])
        found = await present(store, kernel)
        assert (found.state, found.open_tasks) == (KernelState.FAILED, 0)
        states = [change.state for change in await store.kernels.history(kernel.no)]
        assert states == ["starting", "idle", "failed"]
        assert await store.outputs.read(kernel.no, 0) == journal.records

    async def test_a_run_that_is_known_from_the_journal_only_becomes_a_task(
        self, store: Store
    ) -> None:
        kernel = await kept_kernel(store)
        await kept_tasks(store, kernel, 1)
        journal = Journal()
        journal.ready()
        seq = FIRST_CLIENT_SEQ + 3
        asked: JsonValue = {"code": "1 + 1", "author": "bob", "at": NOON + 5}
        run = journal.add(RecordKind.STARTED, seq, task_id=f"task {seq}", msg_id="m", asked=asked)
        await append(store, kernel, journal.records)
        busy = await present(store, kernel)
        assert (busy.current_seq, busy.current_task_id, busy.open_tasks) == (seq, f"task {seq}", 2)
        task = await store.tasks.get(f"task {seq}", kernel.owner)
        assert (task.state, task.code, task.created_at) == (TaskState.RUNNING, "1 + 1", NOON + 5)
        assert task.labels == {"author": "bob", "origin": "websocket"}
        found = await store.tasks.find(TaskQuery(kernel_no=kernel.no, labels={"author": "bob"}))
        assert [one.id for one in found.items] == [task.id]
        journal.said(seq)
        journal.ended(seq)
        for _ in range(2):
            await append(store, kernel, journal.records)
        task = await store.tasks.get(task.id, None)
        assert (task.state, task.started_at) == (TaskState.SUCCEEDED, run.at)
        idle = await present(store, kernel)
        assert (idle.current_seq, idle.open_tasks) == (None, 1)
        (after,) = await kept_tasks(store, kernel, 1)
        assert after.seq == 2, "runs of clients take no number of the queue"

    async def test_a_run_that_begins_and_ends_in_one_batch_becomes_a_task_that_ended(
        self, store: Store
    ) -> None:
        kernel = await kept_kernel(store)
        journal = Journal()
        journal.ready()
        await append(store, kernel, journal.records)
        seq = FIRST_CLIENT_SEQ + 3
        asked: JsonValue = {"code": "1", "author": "bob", "at": NOON}
        journal.add(RecordKind.STARTED, seq, task_id=f"task {seq}", asked=asked)
        journal.ended(seq)
        await append(store, kernel, journal.records)
        task = await store.tasks.get(f"task {seq}", None)
        assert (task.state, task.code) == (TaskState.SUCCEEDED, "1")
        assert (await present(store, kernel)).open_tasks == 0
        changes = await store.events.read(0)
        states = [one.state for one in changes if one.task_id == task.id]
        assert states == [TaskState.QUEUED, TaskState.RUNNING, TaskState.SUCCEEDED]
