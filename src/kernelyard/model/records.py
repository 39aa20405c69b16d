"""Journal records: everything that happened on one kernel, numbered without holes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kernelyard.model.quantities import Micros


class RecordKind(StrEnum):
    """What a record tells. Outputs carry the names of the Jupyter messages they came as."""

    STREAM = "stream"
    DISPLAY_DATA = "display_data"
    EXECUTE_RESULT = "execute_result"
    UPDATE_DISPLAY_DATA = "update_display_data"
    CLEAR_OUTPUT = "clear_output"
    ERROR = "error"

    CUT = "cut"
    """Output over the task's limit was dropped: ``{"bytes", "messages"}``."""
    GAP = "gap"
    """Nobody listened from when to when: ``{"from", "to"}`` in microseconds."""

    STARTED = "started"
    """``{"task_id"}``"""
    ENDED = "ended"
    """``{"task_id", "state", "reason", "cause", "stopped_by": str | null, "state_preserved": bool |
    null, "error": {"name", "value", "traceback"} | null, "execution_count"}``. Always the last
    record of its task."""

    KERNEL_LAUNCHED = "kernel_launched"
    """``{"attempt", "pid"}``: the process exists."""
    KERNEL_READY = "kernel_ready"
    """``{"attempt", "info": <content of kernel_info_reply>}``"""
    KERNEL_RESTARTING = "kernel_restarting"
    """``{"attempt", "reason", "cause", "exit_code": int | null, "signal": str | null}``: a new start,
    asked for or after a death; with ``"by"`` where somebody asked. The code is that of the process
    before, where it had ended."""
    KERNEL_INTERRUPTED = "kernel_interrupted"
    """``{"by", "reason", "outcome", "cause"}``: somebody had what runs interrupted, and what is known of
    that some moments later; one of ``model.exits.InterruptOutcome``."""
    KERNEL_SIGNALLED = "kernel_signalled"
    """``{"by", "reason", "signal": str, "delivered": bool, "cause"}``: somebody had a signal sent."""
    KERNEL_ACTIVE = "kernel_active"
    """``{"because"}``: no task ran, and yet it was not idle; written when it would have been ended."""
    KERNEL_ENDING_SOON = "kernel_ending_soon"
    """``{"at", "cause", "reason"}``: a warning; it will be ended then unless something happens."""
    KERNEL_STOPPING = "kernel_stopping"
    """``{"cause", "reason"}``, and ``"shut_down": true`` if it is to be although it is not ours."""
    KERNEL_ENDED = "kernel_ended"
    """``{"cause", "reason", "exit_code": int | null, "signal": str | null}``. The journal's last."""


class EndCause(StrEnum):
    """Why a kernel or a task ended, in one word for programs; ``reason`` says it to people."""

    ASKED = "asked"
    """Somebody asked for it; the reason names who."""
    IDLE = "idle"
    """A kernel was idle for as long as its template allows."""
    LIFE_LIMIT = "life_limit"
    """A kernel lived for as long as its template allows."""
    QUOTA = "quota"
    """What it may use in all is used up, such as processor time."""
    OUT_OF_MEMORY = "out_of_memory"
    """The system killed its process for want of memory."""
    DIED = "died"
    """Its process ended though nobody asked; exit code or signal tell how."""
    START_FAILED = "start_failed"
    AGENT_LOST = "agent_lost"
    """The agent cannot speak to it any more, or its journal cannot be trusted."""

    RAISED = "raised"
    """A task's code raised."""
    TIME_LIMIT = "time_limit"
    """A task ran for longer than it was allowed."""
    SILENCE_LIMIT = "silence_limit"
    """A task said nothing for longer than it was allowed."""
    RESTARTED = "restarted"
    """The kernel was restarted while the task ran."""
    NEEDS = "needs"
    """A task needs another one, which did not succeed."""
    UNHEARD = "unheard"
    """A task's end fell into a time when nobody listened."""


class StoppedBy(StrEnum):
    """What it took to stop a task, from mild to rough."""

    QUEUE = "queue"
    """It was taken out of the queue; its code never ran."""
    INTERRUPT = "interrupt"
    SECOND_INTERRUPT = "second_interrupt"
    """The first interrupt was not enough; neither, perhaps, the second."""
    RESTART = "restart"
    """It did not stop, so the kernel was restarted: its variables are gone."""


OUTPUT_KINDS = frozenset(
    {
        RecordKind.STREAM,
        RecordKind.DISPLAY_DATA,
        RecordKind.EXECUTE_RESULT,
        RecordKind.UPDATE_DISPLAY_DATA,
        RecordKind.CLEAR_OUTPUT,
        RecordKind.ERROR,
    }
)
"""Kinds that came from the kernel as output."""


@dataclass(frozen=True, slots=True)
class Record:
    """One numbered thing that happened."""

    number: int
    """1, 2, 3 … in the kernel's journal, without holes."""
    at: Micros
    seq: int
    """The task it belongs to, by its number in the kernel's queue; 0 for the kernel itself."""
    kind: RecordKind
    body: bytes
    """One JSON object in UTF-8 on one line; for outputs the content of the Jupyter message."""
