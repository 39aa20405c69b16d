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
    """``{"task_id", "state", "reason", "error": {"name", "value", "traceback"} | null,
    "execution_count"}``. Always the last record of its task."""

    KERNEL_LAUNCHED = "kernel_launched"
    """``{"attempt", "pid"}``: the process exists."""
    KERNEL_READY = "kernel_ready"
    """``{"attempt", "info": <content of kernel_info_reply>}``"""
    KERNEL_RESTARTING = "kernel_restarting"
    """``{"attempt", "reason"}``"""
    KERNEL_STOPPING = "kernel_stopping"
    """``{"cause", "reason"}``"""
    KERNEL_ENDED = "kernel_ended"
    """``{"cause", "reason", "exit_code": int | null, "signal": str | null}``. The journal's last."""


class EndCause(StrEnum):
    """Why a kernel ended."""

    ASKED = "asked"
    IDLE = "idle"
    DIED = "died"
    START_FAILED = "start_failed"
    AGENT_LOST = "agent_lost"


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
