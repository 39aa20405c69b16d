"""A kernel task as the guide shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from kernelyard.client import TaskInfo
from kernelyard.compat.h2o_notebook.clients.kernel_task.state import KernelTaskState, state_of


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelTask:
    """A task as it was when the server was asked."""

    kernel_task_id: str
    kernel_id: str
    code: str
    state: KernelTaskState
    sequence_number: int
    """1, 2, 3 … in the kernel's queue."""
    tasks_ahead_count: int
    """Tasks before it, the running one included."""
    error: str
    """The class of what it raised; empty unless its state is COMPLETE_ERROR."""
    error_value: str
    traceback: str
    create_time: datetime | None
    execution_start_time: datetime | None
    complete_time: datetime | None


def kernel_task_of(info: TaskInfo) -> KernelTask:
    """Return a task as the guide shows it."""
    state = state_of(info)
    error, value, traceback = _error_of(info, state)
    return KernelTask(
        kernel_task_id=info.id,
        kernel_id=info.kernel_id,
        code=info.code,
        state=state,
        sequence_number=info.number,
        tasks_ahead_count=info.ahead,
        error=error,
        error_value=value,
        traceback=traceback,
        create_time=info.created_at,
        execution_start_time=info.started_at,
        complete_time=info.ended_at,
    )


def _error_of(info: TaskInfo, state: KernelTaskState) -> tuple[str, str, str]:
    if state is not KernelTaskState.STATE_COMPLETE_ERROR:
        return "", "", ""
    if info.error is not None:
        return info.error.name, info.error.value, "\n".join(info.error.traceback)
    # It did not raise: its kernel broke, or it went over a limit.
    words = "kernel_died" if info.state == "lost" else info.cause or "error"
    return "".join(word.capitalize() for word in words.split("_")), info.reason or "", ""
