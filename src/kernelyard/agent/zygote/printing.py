"""Where modules print that are imported before kernels are forked, and keep what they print to."""

import sys
from typing import Any


class Outlet:
    """While it is entered, ``sys.stdout`` is another one, which keeps no line back.

    A kernel has a standard output of its own, but a module may hold the one that was there when it was
    imported. What it prints there comes to the kernel by its descriptor, and a buffer would hold it up until the end.
    """

    def __init__(self) -> None:
        self._had: Any = None
        self._ours: Any = None

    def __enter__(self) -> "Outlet":  # noqa: PYI034 - old interpreters have no Self
        had = self._had = sys.stdout
        if self._ours is None:
            self._ours = open(
                1,
                "w",
                buffering=1,
                encoding=had.encoding,
                errors=had.errors,
                closefd=False,
            )
            self._ours.buffer.raw.name = "<stdout>"
        sys.stdout = self._ours
        return self

    def __exit__(self, *_: object) -> None:
        self._ours.flush()
        # A module may have put something else there, as it would in a kernel.
        if sys.stdout is self._ours:
            sys.stdout = self._had
