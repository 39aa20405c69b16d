"""How things ended, limits, and cancellations: a store keeps all of it."""

# ruff: noqa: S101 - this is a test suite

from __future__ import annotations

from dataclasses import replace

from kernelyard.model.kernel_phases import KernelState, Phase
from kernelyard.model.records import EndCause, RecordKind, StoppedBy
from kernelyard.model.tasks import Cancellation, TaskLimits, TaskState
from kernelyard.model.templates import QueuePolicy, RestartPolicy, TemplateSnapshot, TemplateSpec
from kernelyard.ports.stores import Store
from kernelyard.testing.stores.builders import (
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


class EndConformance(Opening):
    """Causes, codes, signals, and what was asked about ends."""

    async def test_a_template_comes_back_with_all_its_limits(self, store: Store) -> None:
        spec = TemplateSpec(
            cpu_seconds_limit=7,
            processes_limit=8,
            file_bytes_limit=9,
            max_life_seconds=1.5,
            attached_keeps_alive=False,
            restart_policy=RestartPolicy.ON_DEATH,
            queue_on_death=QueuePolicy.CANCEL,
        )
        kernel = replace(a_kernel(), template=TemplateSnapshot(name="small", spec=spec))
        kept = await kept_kernel(store, kernel)
        again = (await present(store, kept)).template.spec
        assert again == spec
        assert isinstance(again.restart_policy, RestartPolicy)

    async def test_limits_of_a_task_are_kept(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        limits = TaskLimits(time_seconds=1.5, silence_seconds=0.5, restart_if_stuck=False)
        kept, _ = await store.tasks.insert(replace(a_task(kernel), limits=limits), None)
        assert (await store.tasks.get(kept.id, None)).limits == limits
        (undelivered,) = await store.tasks.undelivered(kernel.no, 0, 10)
        assert undelivered.limits == limits

    async def test_a_kernel_tells_how_its_process_ended(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        journal = Journal()
        launched = journal.add(RecordKind.KERNEL_LAUNCHED, attempt=1, pid=1)
        journal.add(RecordKind.KERNEL_READY, attempt=1, info={})
        journal.add(
            RecordKind.KERNEL_ENDED,
            cause="out_of_memory",
            reason="killed for want of memory",
            exit_code=None,
            signal="SIGKILL",
        )
        await append(store, kernel, journal.records)
        found = await present(store, kernel)
        assert (found.cause, found.signal, found.exit_code) == (
            EndCause.OUT_OF_MEMORY,
            "SIGKILL",
            None,
        )
        assert found.launched_at == launched.at
        assert found.stored_bytes == sum(len(record.body) for record in journal.records)
        (*_, last) = await store.kernels.history(kernel.no)
        assert (last.state, last.cause) == ("failed", "out_of_memory")

    async def test_a_cause_that_this_program_does_not_know_is_left_out(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        journal = Journal()
        journal.ready()
        journal.kernel_ended(cause="eaten by a grue")
        await append(store, kernel, journal.records)
        found = await present(store, kernel)
        assert (found.state, found.cause) == (KernelState.FAILED, None)

    async def test_a_kernel_that_its_agent_starts_again_keeps_its_id_and_queue(
        self, store: Store
    ) -> None:
        kernel = await kept_kernel(store)
        await kept_tasks(store, kernel, 2)
        journal = Journal()
        journal.ready()
        journal.started(1)
        journal.ended(1, "lost", "killed by SIGKILL")
        journal.add(
            RecordKind.KERNEL_RESTARTING,
            attempt=2,
            reason="started again",
            cause="died",
            exit_code=None,
            signal="SIGKILL",
        )
        await append(store, kernel, journal.records)
        found = await present(store, kernel)
        assert (found.state, found.attempt, found.ran_attempt) == (KernelState.RESTARTING, 2, 1)
        assert (found.signal, found.cause, found.open_tasks) == ("SIGKILL", None, 1)
        journal.ready(attempt=2)
        await append(store, kernel, journal.records)
        found = await present(store, kernel)
        assert (found.state, found.ran_attempt, found.takes_tasks) == (KernelState.IDLE, 2, True)

    async def test_a_task_tells_what_it_took_to_stop_it(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        (task,) = await kept_tasks(store, kernel, 1)
        journal = Journal()
        journal.started(1)
        journal.add(
            RecordKind.ENDED,
            1,
            task_id=task.id,
            state="failed",
            reason="too long",
            cause="time_limit",
            stopped_by="restart",
            state_preserved=False,
            error=None,
            execution_count=None,
        )
        await append(store, kernel, journal.records)
        ended = await store.tasks.get(task.id, None)
        assert (ended.state, ended.cause) == (TaskState.FAILED, EndCause.TIME_LIMIT)
        assert (ended.stopped_by, ended.state_preserved) == (StoppedBy.RESTART, False)
        events = await store.events.read(0)
        assert [one.cause for one in events if one.state == "failed"] == ["time_limit"]

    async def test_a_warning_is_an_event_and_changes_no_state(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        journal = Journal()
        journal.ready()
        journal.add(
            RecordKind.KERNEL_ENDING_SOON, at=NOON + 10**9, cause="idle", reason="ended soon"
        )
        await append(store, kernel, journal.records)
        found = await present(store, kernel)
        assert (found.state, found.reason) == (KernelState.IDLE, None)
        (*_, last) = await store.events.read(0)
        assert (last.state, last.reason, last.cause) == ("ending_soon", "ended soon", "idle")

    async def test_being_found_active_is_activity(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        journal = Journal()
        journal.ready()
        active = journal.add(RecordKind.KERNEL_ACTIVE, because="a client is attached")
        await append(store, kernel, journal.records)
        assert (await present(store, kernel)).last_activity_at == active.at

    async def test_settling_names_a_cause(self, store: Store) -> None:
        kernel = await kept_kernel(store)
        (task,) = await kept_tasks(store, kernel, 1)
        await store.kernels.settle(
            kernel.no,
            Phase.FAILED,
            TaskState.CANCELLED,
            "no such image",
            NOON,
            EndCause.START_FAILED,
        )
        assert (await present(store, kernel)).cause is EndCause.START_FAILED
        assert (await store.tasks.get(task.id, None)).cause is EndCause.START_FAILED

    async def test_what_a_cancellation_allows_is_kept_and_never_taken_back(
        self, store: Store
    ) -> None:
        kernel = await kept_kernel(store)
        (task,) = await kept_tasks(store, kernel, 1)
        bold = Cancellation(allow_restart=True, grace_seconds=0.5)
        assert (await store.tasks.request_cancel(task.no)).cancellation == Cancellation()
        assert (await store.tasks.request_cancel(task.no, bold)).cancellation == bold
        await store.tasks.request_cancel(task.no, Cancellation(grace_seconds=9))
        (asked,) = await store.tasks.cancelling(kernel.no)
        assert asked.cancellation == bold

    async def test_all_that_wait_can_be_cancelled_at_once(self, store: Store) -> None:
        kernel, other = await kept_kernel(store), await kept_kernel(store)
        await kept_tasks(store, kernel, 3)
        await kept_tasks(store, other, 1)
        journal = Journal()
        journal.ready()
        journal.started(1)
        await append(store, kernel, journal.records)
        how = Cancellation(by="ada")
        await store.tasks.request_cancel_queued(kernel.no, how)
        asked = await store.tasks.cancelling(kernel.no)
        assert [(task.seq, task.cancellation) for task in asked] == [(2, how), (3, how)]
        assert await store.tasks.cancelling(other.no) == []
