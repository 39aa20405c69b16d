"""Noticing that an environment is not any more what a zygote has taken from it."""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

_INSTALLED = re.compile(r"/(?:site|dist)-packages/|/lib(?:32|64)?/(?:python|pypy)\d[\d.]*/")
_MOST_NEAR = 64
"""Files that are looked at before every fork."""

Mark = tuple[int, int, int]
"""Time of the last change, number of the file, and size; zeros for what is not there."""
_ABSENT: Mark = (0, 0, 0)


class Fingerprint(msgspec.Struct, frozen=True):
    """How files and directories were when a zygote had read them."""

    near: dict[str, Mark]
    """What is looked at before every fork: the interpreter, directories of modules, settings, and modules
    that lie beside neither installed packages nor Python's own."""
    far: dict[str, Mark]
    """What is looked at now and then: each file that was imported."""

    @classmethod
    def taken(cls, near: Iterable[str], files: Iterable[str]) -> Fingerprint:
        """Look at all of it now. ``near`` names what is always looked at, ``files`` what was imported."""
        close = dict.fromkeys(near)
        apart = [one for one in files if not _INSTALLED.search(one)]
        close |= dict.fromkeys(apart[: max(0, _MOST_NEAR - len(close))])
        return cls(
            near={path: mark_of(path) for path in close},
            far={path: mark_of(path) for path in files if path not in close},
        )

    def changed(self) -> str:
        """The first of what is near that has changed; empty if nothing has."""
        return _changed(self.near)

    def changed_anywhere(self) -> str:
        """The same of everything; takes some milliseconds."""
        return _changed(self.near) or _changed(self.far)

    def changed_since(self, at: float) -> str:
        """The first of what was near, or imported, that had last changed after a time; else empty.

        A time that has not come yet says nothing: it would be after any start.
        """
        begun, now = int(at * 1e9), time.time_ns()
        both = (*self.near.items(), *self.far.items())
        return next((path for path, mark in both if begun < mark[0] <= now), "")


def mark_of(path: str) -> Mark:
    """How a file or directory is now."""
    try:
        found = os.stat(path)  # noqa: PTH116 - thousands are looked at, before kernels that wait
    except (OSError, ValueError):
        return _ABSENT
    # What is in a directory is told by its time; its size is the file system's own affair.
    size = 0 if stat.S_ISDIR(found.st_mode) else found.st_size
    return found.st_mtime_ns, found.st_ino, size


def settings_of(profile: Path, directories: Iterable[Path]) -> list[str]:
    """The files from which IPython and Jupyter take settings, whether they are there or not."""
    names = ("ipython_config", "ipython_kernel_config", "jupyter_config")
    found = [profile / f"{name}.{kind}" for name in names[:2] for kind in ("py", "json")]
    for directory in directories:
        found += [directory / f"{name}.{kind}" for name in names for kind in ("py", "json")]
    return [str(path) for path in found]


def _changed(marks: dict[str, Mark]) -> str:
    return next((path for path, mark in marks.items() if mark_of(path) != mark), "")
