"""Tasks: code queued on a kernel, and the states it can be in."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from kernelyard.model.quantities import Micros
from kernelyard.model.records import EndCause, StoppedBy

FIRST_CLIENT_SEQ = 2**30
"""From here on runs are numbered that clients asked the kernel for in messages of their own: the agent
numbers them, while tasks below have their numbers from the store."""


class TaskState(StrEnum):
    """Where a task is. The last four are ends; a settled task never moves again."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The code raised (``error`` tells what) or ran into a limit of its own (``cause`` tells which)."""
    CANCELLED = "cancelled"
    """Taken out of the queue, or interrupted, because somebody asked; ``reason`` tells who or why."""
    LOST = "lost"
    """The kernel ended while the code ran; what it said until then is kept."""

    @property
    def is_final(self) -> bool:
        return self not in (TaskState.QUEUED, TaskState.RUNNING)


_NEXT: dict[TaskState, frozenset[TaskState]] = {
    TaskState.QUEUED: frozenset(set(TaskState) - {TaskState.QUEUED}),
    TaskState.RUNNING: frozenset(state for state in TaskState if state.is_final),
    TaskState.SUCCEEDED: frozenset(),
    TaskState.FAILED: frozenset(),
    TaskState.CANCELLED: frozenset(),
    TaskState.LOST: frozenset(),
}


def may_become(state: TaskState, other: TaskState) -> bool:
    """Whether a task in ``state`` may move to ``other``."""
    return other in _NEXT[state]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskError:
    """What the code raised, in the Jupyter protocol's three parts."""

    name: str
    value: str
    traceback: tuple[str, ...] = ()
    """Lines as the kernel sent them, with terminal colours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskLimits:
    """What a task may take. None means: as long as it likes."""

    time_seconds: float | None = None
    """From its start to its end."""
    silence_seconds: float | None = None
    """Without an output."""
    restart_if_stuck: bool = True
    """Whether the kernel may be restarted when interrupts do not stop a task at its limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancellation:
    """How a task is to be cancelled."""

    allow_restart: bool = False
    """Whether the kernel may be restarted when interrupts do not stop the task."""
    grace_seconds: float = 2.0
    """Between the first interrupt and the second, and again before a restart."""
    by: str = ""
    """Who asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOrder:
    """What somebody asked to be run."""

    code: str
    labels: dict[str, str] = field(default_factory=dict)
    needs: str | None = None
    """Id of an earlier task of the same kernel without whose success this one is not to run."""
    limits: TaskLimits = TaskLimits()
    external_id: str | None = None
    """Its id in the dialect of the door that it was ordered at; see ``ids.external_id``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A task on its way to the agent. ``task_id`` makes handing it over repeatable."""

    task_id: str
    seq: int
    """Number in the kernel's queue: 1, 2, 3 … in the order of submission."""
    code: str
    output_limit_bytes: int = 0
    """Bytes of output kept; more is cut and counted. 0 for no limit."""
    needs: int | None = None
    """``seq`` of the task that must have succeeded; always one that was handed over before."""
    limits: TaskLimits = TaskLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A task as it is stored."""

    no: int
    """The store's own number; never shown."""
    id: str
    kernel_no: int
    kernel_id: str
    owner: str
    seq: int
    code: str
    labels: dict[str, str] = field(default_factory=dict)
    needs_id: str | None = None
    """The task that must have succeeded before this one may start."""
    needs_seq: int | None = None
    limits: TaskLimits = TaskLimits()
    external_id: str | None = None
    """The id that it was given at a door with ids of its own; unique among its kernel's tasks."""
    state: TaskState = TaskState.QUEUED
    reason: str | None = None
    cause: EndCause | None = None
    """Why it ended as it did, unless it succeeded."""
    stopped_by: StoppedBy | None = None
    """What it took to stop it, where it was stopped."""
    state_preserved: bool | None = None
    """Whether the kernel's variables outlived a task that was stopped."""
    error: TaskError | None = None
    execution_count: int | None = None
    cancel_requested: bool = False
    cancellation: Cancellation | None = None
    created_at: Micros
    started_at: Micros | None = None
    ended_at: Micros | None = None
    first_number: int | None = None
    """Number of the journal record that says it started."""
    last_number: int | None = None
    """Number of the journal record that says it ended."""
    ahead: int = 0
    """Open tasks before it in the queue, the running one included; 0 unless queued."""
