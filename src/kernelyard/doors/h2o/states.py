"""States of kernels and tasks in the words of this dialect; none of ours ever reaches its clients."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from kernelyard.model.kernel_phases import KernelState, Phase
from kernelyard.model.kernels import Kernel
from kernelyard.model.quantities import Micros
from kernelyard.model.records import EndCause
from kernelyard.model.tasks import Task, TaskError, TaskState

CLEARING_MICROS: Micros = 20_000_000
"""For how long a kernel that has failed is seen terminating, as its users are used to."""


class WireKernelState(StrEnum):
    """A kernel's state on the wire."""

    STARTING = "STATE_STARTING"
    RUNNING_IDLE = "STATE_RUNNING_IDLE"
    RUNNING_BUSY = "STATE_RUNNING_BUSY"
    FAILED = "STATE_FAILED"
    TERMINATING = "STATE_TERMINATING"
    TERMINATED = "STATE_TERMINATED"


class WireTaskState(StrEnum):
    """A task's state on the wire. The last three are ends."""

    QUEUED = "STATE_QUEUED"
    EXECUTING = "STATE_EXECUTING"
    COMPLETE_ERROR = "STATE_COMPLETE_ERROR"
    COMPLETE_SUCCESS = "STATE_COMPLETE_SUCCESS"
    CANCELLED = "STATE_CANCELLED"


_KERNELS = {
    KernelState.STARTING: WireKernelState.STARTING,
    KernelState.RESTARTING: WireKernelState.STARTING,
    KernelState.IDLE: WireKernelState.RUNNING_IDLE,
    KernelState.BUSY: WireKernelState.RUNNING_BUSY,
    KernelState.TERMINATING: WireKernelState.TERMINATING,
    KernelState.TERMINATED: WireKernelState.TERMINATED,
    KernelState.FAILED: WireKernelState.FAILED,
}
_TASKS = {
    TaskState.QUEUED: WireTaskState.QUEUED,
    TaskState.RUNNING: WireTaskState.EXECUTING,
    TaskState.SUCCEEDED: WireTaskState.COMPLETE_SUCCESS,
    TaskState.FAILED: WireTaskState.COMPLETE_ERROR,
    TaskState.CANCELLED: WireTaskState.CANCELLED,
    TaskState.LOST: WireTaskState.COMPLETE_ERROR,
}
_ENDED_ON_PURPOSE = frozenset(
    {EndCause.ASKED, EndCause.IDLE, EndCause.LIFE_LIMIT, EndCause.RESTARTED}
)
_OUT_OF_MEMORY = "container kernel failed: OOMKilled: "
"""How the service that this dialect comes from tells of want of memory; programs look for it."""
_NO_ERROR = TaskError(name="", value="")


def kernel_state(kernel: Kernel, now: Micros) -> WireKernelState:
    """The state of a kernel.

    One that ran and has failed is terminating for a while: what it held is given back.
    """
    state = _KERNELS[kernel.state]
    clearing = kernel.ended_at is not None and now - kernel.ended_at < CLEARING_MICROS
    if state is WireKernelState.FAILED and kernel.ran_attempt and clearing:
        return WireKernelState.TERMINATING
    return state


def task_state(task: Task, kernel: Kernel) -> WireTaskState:
    """The state of a task of ``kernel``.

    What is certain to be cancelled is cancelled at once: whatever is open on a kernel that takes no
    tasks any more, and what is to be taken out of the queue.
    """
    if not task.state.is_final and not kernel.takes_tasks:
        return WireTaskState.CANCELLED
    if task.state is TaskState.QUEUED and task.cancel_requested:
        return WireTaskState.CANCELLED
    if task.state is TaskState.LOST and task.cause in _ENDED_ON_PURPOSE:
        return WireTaskState.CANCELLED
    return _TASKS[task.state]


def task_error(task: Task, state: WireTaskState) -> TaskError:
    """What a task tells of its error: empty texts unless it ended by one."""
    if state is not WireTaskState.COMPLETE_ERROR:
        return _NO_ERROR
    if task.error is not None:
        return task.error
    name = "KernelDied" if task.state is TaskState.LOST else _spelled(task.cause)
    return TaskError(name=name, value=task.reason or "")


def failure_reason(kernel: Kernel) -> str:
    """Why a kernel has failed; empty for any other."""
    if kernel.phase is not Phase.FAILED:
        return ""
    reason = kernel.reason or "it ended by itself"
    return f"{_OUT_OF_MEMORY}{reason}" if kernel.cause is EndCause.OUT_OF_MEMORY else reason


def queue_size(kernel: Kernel, leaving: Sequence[int] = ()) -> int:
    """How many tasks are queued; neither the one that runs is counted, nor those that are leaving."""
    if not kernel.takes_tasks:
        return 0
    return max(kernel.open_tasks - (kernel.current_seq is not None) - len(leaving), 0)


def tasks_ahead(task: Task, state: WireTaskState, leaving: Sequence[int] = ()) -> int:
    """How many tasks are before one that is queued, the one that runs among them."""
    if state is not WireTaskState.QUEUED:
        return 0
    return max(task.ahead - sum(seq < task.seq for seq in leaving), 0)


def is_starting(kernel: Kernel) -> bool:
    """Whether nobody takes anything out of a kernel's queue yet."""
    return _KERNELS[kernel.state] is WireKernelState.STARTING


def last_activity(kernel: Kernel) -> Micros | None:
    """When a task last did something; None before the first, for coming up is not counted here."""
    if kernel.last_activity_at == kernel.ready_at and not kernel.open_tasks:
        return None
    return kernel.last_activity_at


def _spelled(cause: EndCause | None) -> str:
    """A cause as the name of an error: ``time_limit`` becomes ``TimeLimit``."""
    return "".join(word.capitalize() for word in cause.split("_")) if cause else "Error"
