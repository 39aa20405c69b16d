"""Appending to a file so that it is whole before and after, also on a full disk."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from kernelyard.model.errors import StorageFull

WORTH_NO_COPY = 64 * 1024
_AT_ONCE = 1000
"""Pieces for one call; the system takes 1,024."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def open_appendable(path: Path) -> int:
    """Return a descriptor for reading and appending; the file is made if it is missing."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def append_whole(descriptor: int, data: bytes, size: int) -> None:
    """Append ``data`` to a file of ``size`` bytes, all of it or nothing. Raises StorageFull."""
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(descriptor, view) :]
    except OSError as error:
        os.ftruncate(descriptor, size)
        raise storage_error(error) from error


def append_pieces(descriptor: int, pieces: Sequence[bytes], size: int) -> None:
    """Append ``pieces`` one behind the other, as ``append_whole`` does; large ones are not copied."""
    if sum(map(len, pieces)) < WORTH_NO_COPY:
        append_whole(descriptor, b"".join(pieces), size)
        return
    try:
        for begin in range(0, len(pieces), _AT_ONCE):
            some = pieces[begin : begin + _AT_ONCE]
            written = os.writev(descriptor, some)
            if written < sum(map(len, some)):
                rest = memoryview(b"".join(some))[written:]
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
    except OSError as error:
        os.ftruncate(descriptor, size)
        raise storage_error(error) from error


def storage_error(error: Exception) -> Exception:
    """Return StorageFull if ``error`` says that there is no space left, and ``error`` if not."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return StorageFull(detail=str(error))
    return error
