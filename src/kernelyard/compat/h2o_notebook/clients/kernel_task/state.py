"""The states of a task in the guide's words."""

from __future__ import annotations

from enum import Enum

from kernelyard.client import TaskInfo


class KernelTaskState(Enum):
    """Where a task is in its life."""

    STATE_UNSPECIFIED = "STATE_UNSPECIFIED"
    STATE_QUEUED = "STATE_QUEUED"
    STATE_EXECUTING = "STATE_EXECUTING"
    STATE_COMPLETE_ERROR = "STATE_COMPLETE_ERROR"
    STATE_COMPLETE_SUCCESS = "STATE_COMPLETE_SUCCESS"
    STATE_CANCELLED = "STATE_CANCELLED"


_BY_STATE = {
    "queued": KernelTaskState.STATE_QUEUED,
    "running": KernelTaskState.STATE_EXECUTING,
    "succeeded": KernelTaskState.STATE_COMPLETE_SUCCESS,
    "failed": KernelTaskState.STATE_COMPLETE_ERROR,
    "cancelled": KernelTaskState.STATE_CANCELLED,
    "lost": KernelTaskState.STATE_COMPLETE_ERROR,
}
_MEANT = frozenset({"asked", "idle", "life_limit", "restarted"})
"""Of tasks that were lost: their kernel ended because somebody, or its template, wanted it to."""


def state_of(task: TaskInfo) -> KernelTaskState:
    """Return the guide's word for a task's state."""
    if task.state == "lost" and task.cause in _MEANT:
        return KernelTaskState.STATE_CANCELLED
    return _BY_STATE.get(task.state, KernelTaskState.STATE_UNSPECIFIED)
