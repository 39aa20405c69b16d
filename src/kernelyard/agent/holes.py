"""Giving back the disk space of a file's head while every offset behind it stays what it was.

Linux can punch holes into files on most file systems. Where it cannot be done, callers do without.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

_KEEP_SIZE, _PUNCH_HOLE = 1, 2


def free_head(descriptor: int, end: int) -> int:
    """Free what lies before ``end``, whole blocks of it; return where data begins from now on.

    The size stays, and what was there reads as zeros. Raises OSError where it cannot be done.
    """
    block = max(mmap.PAGESIZE, os.fstat(descriptor).st_blksize)
    aligned = end - end % block
    if aligned:
        _punch(descriptor, aligned)
    return aligned


def begin_of_data(descriptor: int) -> int:
    """Return the first byte that is not in a hole at the file's head; the size if there is none."""
    if not hasattr(os, "SEEK_DATA"):
        return 0
    try:
        return os.lseek(descriptor, 0, os.SEEK_DATA)
    except OSError as error:
        if error.errno == errno.ENXIO:
            return os.fstat(descriptor).st_size
        return 0


def can_free(folder: Path) -> bool:
    """Try with a file of its own in ``folder`` whether holes can be punched there, and found again."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            block = max(mmap.PAGESIZE, os.fstat(file.fileno()).st_blksize)
            file.write(b"\1" * (block + 1))
            file.flush()
            return free_head(file.fileno(), block) == begin_of_data(file.fileno()) == block
    except OSError:
        return False


def _punch(descriptor: int, length: int) -> None:
    fallocate = _fallocate()
    if fallocate is None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
    mode = _PUNCH_HOLE | _KEEP_SIZE
    while fallocate(descriptor, mode, ctypes.c_int64(0), ctypes.c_int64(length)):
        problem = ctypes.get_errno()
        if problem != errno.EINTR:
            raise OSError(problem, os.strerror(problem))


@cache
def _fallocate() -> Any:
    """The system's function, with offsets of 64 bits whatever the machine; None if there is none."""
    try:
        library = ctypes.CDLL(None, use_errno=True)
        return getattr(library, "fallocate64", None) or library.fallocate
    except (OSError, AttributeError):
        return None
