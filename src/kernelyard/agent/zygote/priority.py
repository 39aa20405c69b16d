"""Letting a zygote boot behind everything else, and giving it back its turn before kernels come of it.

What is forked inherits the priority, and most users may lower but never raise one. So it is tried first,
in a thread that ends, whether the way back is open; where it is not, the system is only told that the
boot is batch work, which anybody may take back.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading

_LOWER_BY = 10


def lower(pid: int) -> None:
    """Let a process have what others leave. What cannot be done is left."""
    if not hasattr(os, "SCHED_BATCH"):
        return
    with contextlib.suppress(OSError):
        if _may_return():
            os.setpriority(os.PRIO_PROCESS, pid, min(19, _own() + _LOWER_BY))
        else:
            os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0))


def margin() -> int:
    """By how much a process may lower its own priority, for it can raise it again; 0 where it cannot."""
    return _LOWER_BY if hasattr(os, "SCHED_BATCH") and _may_return() else 0


def restore(pid: int) -> None:
    """Let it have its turn as we have ours. Raises OSError if that cannot be."""
    if not hasattr(os, "SCHED_BATCH"):
        return
    with contextlib.suppress(ProcessLookupError):
        if _may_return():
            os.setpriority(os.PRIO_PROCESS, pid, _own())
        elif os.sched_getscheduler(pid) == os.SCHED_BATCH:
            os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))


def _own() -> int:
    return os.getpriority(os.PRIO_PROCESS, os.getpid())


@functools.cache
def _may_return() -> bool:
    """Whether a priority that was lowered may be raised again."""
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(_returns()), name="priority")
    thread.start()
    thread.join()
    return found == [True]


def _returns() -> bool:
    # On Linux this is the thread's own.
    try:
        before = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, 0, min(19, before + 1))
        os.setpriority(os.PRIO_PROCESS, 0, before)
    except OSError:
        return False
    return True
