"""Keeping what kernels make apart from what they share.

The interpreter puts small objects into the holes that others have left. In a forked process each hole is in
a page that is shared until something is written there: a thousand small objects would copy a thousand pages.
So all holes are filled before, and what kernels make gets pages of its own, close together.
"""

import os
import re
import sys
import tempfile

_ROW = re.compile(rb"^\s*\d+\s+(\d+)\s+\d+\s+\d+\s+(\d+)\s*$", re.MULTILINE)
_HEAD_OF_BYTES = sys.getsizeof(b"")


def plug() -> "list[bytes]":
    """Fill the holes; what is returned must be kept."""
    filling: list[bytes] = []
    for size, holes in _holes():
        length = size - _HEAD_OF_BYTES
        if length > 1:
            filling.extend([bytes(length) for _ in range(holes)])
    return filling


def _holes() -> "list[tuple[int, int]]":
    """How many holes there are of each size, as the interpreter says on its standard error."""
    tell = getattr(sys, "_debugmallocstats", None)
    if tell is None:
        return []
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with tempfile.TemporaryFile() as file:
            os.dup2(file.fileno(), 2)
            try:
                tell()
            finally:
                os.dup2(kept, 2)
            file.seek(0)
            said = file.read()
    finally:
        os.close(kept)
    return [(int(size), int(holes)) for size, holes in _ROW.findall(said)]
