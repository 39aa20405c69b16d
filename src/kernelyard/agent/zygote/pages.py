"""Copying at once the pages of memory that a kernel is going to write to.

After a fork each page is shared until something is written there; then the process is stopped and the page is
copied. A kernel does that some thousand times until it has answered once, which takes as long as its work does.
A kernel that was forked for a trial tells which pages these are, and each kernel has them copied by a few calls.
It has no other pages of its own by that, and none is changed.
"""

import ctypes
import os
from array import array
from typing import Any

_PRESENT = 1 << 63
_OF_FILE = 1 << 61
_EXCLUSIVE = 1 << 56
_PIECE = 1024
"""So many places are taken by one call."""


def own_pages() -> "list[int]":
    """Addresses of the pages of memory that nobody else has; nothing where the system does not say."""
    size = os.sysconf("SC_PAGESIZE")
    found: list[int] = []
    try:
        with open("/proc/self/pagemap", "rb", buffering=0) as file:  # noqa: PTH123
            for start, end in _regions():
                told = array("Q")
                file.seek(start // size * 8)
                told.frombytes(file.read((end - start) // size * 8))
                found.extend(
                    start + place * size
                    for place, one in enumerate(told)
                    if one & _PRESENT and one & _EXCLUSIVE and not one & _OF_FILE
                )
    except (OSError, ValueError):
        return []
    return found


def within(pages: "list[int]") -> "list[int]":
    """Those of the pages that are ours, too."""
    regions = _regions()
    return [page for page in pages if any(start <= page < end for start, end in regions)]


class Copying:
    """Copies known pages, in the process that has been forked."""

    def __init__(self, pages: "list[int]") -> None:
        self._count = len(pages)
        # Address and length of each, as the system wants them.
        pairs = [number for page in pages for number in (page, 1)]
        self._places = (ctypes.c_uint64 * len(pairs))(*pairs)
        # Of each page a byte is written over itself.
        self._write: Any = getattr(ctypes.CDLL(None), "process_vm_writev", None)

    def run(self) -> None:
        """Copy them; where the system refuses, they are copied when they are needed."""
        if self._write is None:
            return
        pid = os.getpid()
        for place in range(0, self._count, _PIECE):
            many = ctypes.c_ulong(min(_PIECE, self._count - place))
            these = ctypes.byref(self._places, place * 16)
            if self._write(pid, these, many, these, many, ctypes.c_ulong(0)) < 0:
                return


def _regions() -> "list[tuple[int, int]]":
    """Memory that is written to, and was not asked for as shared."""
    found = []
    with open("/proc/self/maps") as file:  # noqa: PTH123
        for line in file:
            place, rights = line.split(None, 2)[:2]
            if rights == "rw-p":
                start, _, end = place.partition("-")
                found.append((int(start, 16), int(end, 16)))
    return found
