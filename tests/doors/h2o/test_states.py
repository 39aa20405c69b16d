"""States, counters and errors in the words of the H2O dialect.

- every state of ours has a word there
- a kernel that ran and has failed is terminating for a while
- what is open on a kernel that takes no tasks any more is cancelled already
- a run that was lost is an error, unless its kernel was ended on purpose
- nothing is told of an error unless a task ended by one
- the queue does not count the task that runs
- there is no activity before the first task
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from kernelyard.doors.h2o.states import (
    CLEARING_MICROS,
    failure_reason,
    kernel_state,
    last_activity,
    queue_size,
    task_error,
    task_state,
)
from kernelyard.model.kernel_phases import Phase, Wanted
from kernelyard.model.kernels import Kernel
from kernelyard.model.records import EndCause
from kernelyard.model.tasks import Task, TaskError, TaskState
from kernelyard.testing.stores.builders import NOON, a_kernel, a_task

RUNNING = replace(a_kernel(), phase=Phase.READY, ran_attempt=1, ready_at=NOON + 5)
FAILED = replace(RUNNING, phase=Phase.FAILED, reason="killed for want of memory", ended_at=NOON)


def a_task_that_is(state: TaskState, **fields: object) -> Task:
    """A task of some kernel."""
    return replace(a_task(RUNNING), state=state, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kernel", "state"),
    [
        (a_kernel(), "STARTING"),
        (replace(a_kernel(), phase=Phase.CONNECTING), "STARTING"),
        (RUNNING, "RUNNING_IDLE"),
        (replace(RUNNING, current_seq=1), "RUNNING_BUSY"),
        (replace(RUNNING, attempt=2), "STARTING"),
        (replace(RUNNING, wanted=Wanted.STOP), "TERMINATING"),
        (replace(a_kernel(), wanted=Wanted.STOP), "TERMINATING"),
        (replace(RUNNING, phase=Phase.STOPPING), "TERMINATING"),
        (replace(RUNNING, phase=Phase.STOPPED), "TERMINATED"),
        (replace(FAILED, ran_attempt=0), "FAILED"),
    ],
)
def test_every_state_of_a_kernel_has_a_word(kernel: Kernel, state: str) -> None:
    assert kernel_state(kernel, NOON) == f"STATE_{state}"


def test_a_kernel_that_ran_and_failed_is_terminating_for_a_while() -> None:
    assert kernel_state(FAILED, NOON + 1) == "STATE_TERMINATING"
    assert kernel_state(FAILED, NOON + CLEARING_MICROS) == "STATE_FAILED"


def test_why_a_kernel_failed_is_told_of_none_that_did_not() -> None:
    assert failure_reason(FAILED) == "killed for want of memory"
    assert failure_reason(replace(FAILED, phase=Phase.STOPPED)) == ""
    assert failure_reason(replace(FAILED, reason=None)) == "it ended by itself"
    hungry = replace(FAILED, cause=EndCause.OUT_OF_MEMORY)
    assert failure_reason(hungry).startswith("container kernel failed: OOMKilled: killed for want")
    assert failure_reason(replace(RUNNING, reason="restarted by ada")) == ""


@pytest.mark.parametrize(
    ("state", "word"),
    [
        (TaskState.QUEUED, "QUEUED"),
        (TaskState.RUNNING, "EXECUTING"),
        (TaskState.SUCCEEDED, "COMPLETE_SUCCESS"),
        (TaskState.FAILED, "COMPLETE_ERROR"),
        (TaskState.CANCELLED, "CANCELLED"),
        (TaskState.LOST, "COMPLETE_ERROR"),
    ],
)
def test_every_state_of_a_task_has_a_word(state: TaskState, word: str) -> None:
    assert task_state(a_task_that_is(state), RUNNING) == f"STATE_{word}"


def test_what_is_open_on_a_kernel_that_is_to_end_is_cancelled_already() -> None:
    stopping = replace(RUNNING, wanted=Wanted.STOP)
    shown = [
        task_state(a_task_that_is(state), stopping).removeprefix("STATE_") for state in TaskState
    ]
    assert shown == [
        *("CANCELLED", "CANCELLED", "COMPLETE_SUCCESS", "COMPLETE_ERROR", "CANCELLED"),
        "COMPLETE_ERROR",
    ]


def test_what_is_to_be_taken_out_of_the_queue_is_cancelled_already() -> None:
    queued = a_task_that_is(TaskState.QUEUED, cancel_requested=True)
    running = a_task_that_is(TaskState.RUNNING, cancel_requested=True)
    assert task_state(queued, RUNNING) == "STATE_CANCELLED"
    assert task_state(running, RUNNING) == "STATE_EXECUTING"


@pytest.mark.parametrize("cause", [EndCause.ASKED, EndCause.IDLE, EndCause.RESTARTED])
def test_a_run_whose_kernel_was_ended_on_purpose_is_cancelled(cause: EndCause) -> None:
    lost = a_task_that_is(TaskState.LOST, cause=cause)
    assert task_state(lost, RUNNING) == "STATE_CANCELLED"


def test_an_error_is_told_in_its_three_parts() -> None:
    error = TaskError(name="ZeroDivisionError", value="division by zero", traceback=("a", "b"))
    failed = a_task_that_is(TaskState.FAILED, error=error)
    assert task_error(failed, task_state(failed, RUNNING)) == error


def test_a_limit_and_a_death_are_told_as_errors_too() -> None:
    limited = a_task_that_is(TaskState.FAILED, cause=EndCause.TIME_LIMIT, reason="ran for 5 s")
    lost = a_task_that_is(TaskState.LOST, cause=EndCause.OUT_OF_MEMORY, reason="out of memory")
    told = [task_error(task, task_state(task, RUNNING)) for task in (limited, lost)]
    assert [(one.name, one.value) for one in told] == [
        ("TimeLimit", "ran for 5 s"),
        ("KernelDied", "out of memory"),
    ]


def test_nothing_is_told_of_an_error_of_a_task_that_was_cancelled() -> None:
    interrupted = TaskError(name="KeyboardInterrupt", value="", traceback=("a",))
    cancelled = a_task_that_is(TaskState.CANCELLED, error=interrupted, reason="cancelled by ada")
    assert task_error(cancelled, task_state(cancelled, RUNNING)) == TaskError(name="", value="")


def test_the_queue_does_not_count_the_task_that_runs() -> None:
    assert queue_size(RUNNING) == 0
    assert queue_size(replace(RUNNING, open_tasks=3)) == 3
    assert queue_size(replace(RUNNING, open_tasks=3, current_seq=1)) == 2
    assert queue_size(replace(RUNNING, open_tasks=3, wanted=Wanted.STOP)) == 0


def test_there_is_no_activity_before_the_first_task() -> None:
    assert last_activity(a_kernel()) is None
    up = replace(RUNNING, last_activity_at=RUNNING.ready_at)
    assert last_activity(up) is None
    assert last_activity(replace(up, open_tasks=1)) == up.ready_at
    assert last_activity(replace(up, last_activity_at=NOON + 9)) == NOON + 9
