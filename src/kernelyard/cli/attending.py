"""Staying with a run: Ctrl-C leaves it, a second one cancels it, and so does the end of patience."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from kernelyard.cli.showing import note
from kernelyard.client import ConflictError, Kernel, Task

OK, RAISED, LOST = 0, 1, 3
DETACHED = 75
"""Not a success and not a failure yet: the run goes on without us (EX_TEMPFAIL)."""
TIMED_OUT = 124
CANCELLED = 130
SECOND_SECONDS = 2.0
"""How long a second Ctrl-C is waited for."""

_STATUS = {"succeeded": OK, "failed": RAISED, "lost": LOST, "cancelled": CANCELLED}


class _TimeIsOver(Exception):
    """The limit that the user set has passed."""


def attend(
    follow: Callable[[], None],
    *,
    cancel: Callable[[], None],
    come_back: str,
    kernel_id: str,
    timeout: float | None = None,
) -> int | None:
    """Call ``follow`` until the run's end; return a status if it was cut short, else None.

    ``follow`` is called again after a cancellation and goes on where it was. Exits with DETACHED
    when the user leaves.
    """
    try:
        with _limited(timeout):
            follow()
    except KeyboardInterrupt:
        if not _interrupted_again(come_back, kernel_id):
            raise typer.Exit(DETACHED) from None
        status = CANCELLED
    except _TimeIsOver:
        note(f"\nNot finished after {timeout:g} s.")
        status = TIMED_OUT
    else:
        return None
    note("Cancelling …")
    cancel()
    follow()
    return status


def cancel_all(tasks: Iterable[Task]) -> None:
    """Cancel tasks, the last one first, so that none of them begins meanwhile."""
    for task in reversed(list(tasks)):
        try:
            task.cancel()
        except ConflictError:
            pass  # It has ended already.


def status_of(task: Task, kernel: Kernel) -> int:
    """The exit status that a finished task stands for, with a line that says why it is not 0."""
    info = task.info
    if info.state == "cancelled" and kernel.refresh().state == "failed":
        note(f"The kernel failed: {kernel.info.reason or 'no reason was given'}")
        return LOST
    if info.reason or info.state in ("lost", "cancelled"):
        note(f"Task {info.state}: {info.reason or 'no reason was given'}")
    return _STATUS.get(info.state, LOST)


def _interrupted_again(come_back: str, kernel_id: str) -> bool:
    """Say how to come back; return whether Ctrl-C came again, be it while that is said."""
    try:
        note(
            f"\nDetached; the run goes on. Come back with: {come_back} (Ctrl-C again within "
            f"{SECOND_SECONDS:g} s cancels it; end the kernel later with: "
            f"kernelyard kernels terminate {kernel_id})"
        )
        time.sleep(SECOND_SECONDS)
    except KeyboardInterrupt:
        return True
    return False


@contextmanager
def _limited(seconds: float | None) -> Iterator[None]:
    """Raise _TimeIsOver inside the block after so many seconds, whatever it waits for."""
    if seconds is None:
        yield
        return

    def over(_: int, __: FrameType | None) -> None:
        raise _TimeIsOver

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
