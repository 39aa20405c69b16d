"""One agent per data directory."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class AlreadyRunning(Exception):
    """Another agent serves this data directory."""


def hold_lock(path: Path, inherited: int | None = None) -> int:
    """Lock a file for the life of this process; return its descriptor. Raises AlreadyRunning.

    The system lets go of the lock when the process ends, however it ends. ``inherited`` is a descriptor
    by which whoever started this process has locked the file already, so that it was never unlocked.
    """
    if inherited is not None:
        os.set_inheritable(inherited, False)
        if os.path.samestat(os.fstat(inherited), path.stat()):
            return inherited
        os.close(inherited)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise AlreadyRunning(f"another agent holds {path}") from None
    return descriptor
