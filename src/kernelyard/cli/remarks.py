"""What is said on standard error at the end of reading: how it ended, and what is missing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kernelyard.cli.showing import first_line, human_size, note

if TYPE_CHECKING:
    from kernelyard.client import KernelInfo, TaskError, TaskInfo

MISSING = "Output is missing: nobody listened for a while."
_OF_FILES = frozenset({"ModuleNotFoundError", "FileNotFoundError"})
_NO_REASON = "no reason was given"


def how_it_ended(state: str, reason: str | None, error: object) -> str | None:
    """Return a line for a task that did not succeed, such as ``failed: KeyError: 'a'``."""
    match state:
        case "failed":
            return f"failed: {reason or first_line(str(error or ''), 200) or _NO_REASON}"
        case "lost" | "cancelled":
            return f"{state}: {reason or _NO_REASON}"
        case _:
            return None


def say_how_it_ended(info: TaskInfo, about: str = "Task ") -> None:
    """Say it if a task was lost, failed or cancelled."""
    told = how_it_ended(info.state, info.reason, info.error)
    if told is not None:
        note(f"{about}{told}")


def say_what_is_missing(*, cut_bytes: int = 0, gaps: int = 0) -> None:
    """Say it if output was dropped, or if there was nobody to hear it."""
    if cut_bytes:
        note(f"Output is cut: {human_size(cut_bytes)} over the task's limit were dropped.")
    if gaps:
        note(MISSING)


def say_what_was_removed(info: KernelInfo) -> None:
    """Say it if the outputs of a kernel's tasks are gone because they were kept long enough."""
    if info.outputs_removed_at is not None:
        when = info.outputs_removed_at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        note(f"The outputs were removed at {when}: the server keeps them for a limited time.")


def say_what_it_waits_for(info: KernelInfo) -> None:
    """Say it if a kernel was made and cannot start yet, because there is no room for it."""
    if info.state == "starting" and info.reason:
        note(f"The kernel {info.id} starts when there is room: it is {info.reason}.")


def gap_line(content: dict[str, Any]) -> str:
    """Return the line that stands where output is missing, with the times if they are told."""
    first, last = _clock(content.get("from")), _clock(content.get("to"))
    when = f" from {first} to {last}" if first and last else " for a while"
    return f"[output may be missing here: nobody listened{when}]"


def say_where_it_ran(error: TaskError | None) -> None:
    """Say it if a program looked for files or modules as if it ran in the present directory."""
    if error is not None and error.name in _OF_FILES:
        note(
            "The code runs in the kernel's own work directory, not in "
            f"{Path.cwd()}: name files by their full paths, and install modules or put their "
            "directory on the path with --env PYTHONPATH=DIR."
        )


def _clock(microseconds: object) -> str | None:
    if not isinstance(microseconds, int):
        return None
    moment = datetime.fromtimestamp(microseconds / 1e6, UTC).astimezone()
    return moment.strftime("%Y-%m-%d %H:%M:%S")
