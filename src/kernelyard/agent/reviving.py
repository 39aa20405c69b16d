"""Starting a kernel again after a death that nobody asked for, where its template says so."""

from __future__ import annotations

from typing import Protocol

from kernelyard.agent.endings import KernelEnd, TaskEnd
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.records import EndCause, StoppedBy
from kernelyard.model.tasks import TaskState
from kernelyard.model.templates import QueuePolicy, RestartPolicy

MOST_IN_VAIN = 5
"""Deaths in a row between which no task began; after so many the kernel is given up."""
_REVIVABLE = frozenset({EndCause.DIED, EndCause.OUT_OF_MEMORY})


class Tasks(Protocol):
    """The queue of a kernel, as far as it matters here."""

    @property
    def begun(self) -> int:
        """How many tasks have begun so far."""
        ...


class Reviving:
    """Knows whether a kernel is to be started again, and what becomes of its queue then."""

    def __init__(self, order: LaunchOrder, tasks: Tasks) -> None:
        self._order = order
        self._tasks = tasks
        self._begun = -1
        self._in_vain = 0

    def claimed(self, order: LaunchOrder) -> None:
        """It has waited until now and is somebody's: from here on his order counts."""
        self._order = order

    def may(self, end: KernelEnd, *, ready: bool) -> bool:
        """Whether to start again after ``end``; not where the process had never been ready."""
        # One that waits may have been given to somebody, though nobody has said so here yet.
        policy = RestartPolicy.ON_DEATH if self._order.pooled else self._order.restart_policy
        if policy is not RestartPolicy.ON_DEATH or end.cause not in _REVIVABLE or not ready:
            return False
        self._in_vain = self._in_vain + 1 if self._begun == self._tasks.begun else 0
        self._begun = self._tasks.begun
        return self._in_vain < MOST_IN_VAIN

    def queue_end(self, end: KernelEnd) -> TaskEnd | None:
        """What becomes of the tasks that wait when it is started again; None if they stay."""
        if self._order.queue_on_death is not QueuePolicy.CANCEL:
            return None
        told = end.exit.sentence() if end.exit is not None else end.reason
        return TaskEnd(
            state=TaskState.CANCELLED,
            reason=f"never ran: its kernel ended ({told}) and was started again without its queue",
            cause=end.cause,
            stopped_by=StoppedBy.QUEUE,
        )
