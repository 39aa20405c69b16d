"""Noticing that an environment is not any more what a zygote has taken from it."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

_INSTALLED = re.compile(r"/(?:site|dist)-packages/|/lib(?:32|64)?/(?:python|pypy)\d[\d.]*/")
_MOST_APART = 512
"""So many modules that lie apart from installed ones are looked at before every fork; a microsecond each."""
_MODULES = (
    ".py",
    ".pyc",
    ".so",
    ".pyd",
    ".pth",
    ".zip",
    ".dist-info",
    ".egg-info",
    ".egg-link",
    ".egg",
)

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
    modules: dict[str, str] = {}
    """Of directories that are near: what may be imported from there, as a digest."""

    @classmethod
    def taken(cls, near: Iterable[str], files: Iterable[str]) -> Fingerprint:
        """Look at all of it now. ``near`` names what is always looked at, ``files`` what was imported."""
        close = dict.fromkeys(near)
        apart = [one for one in files if not _INSTALLED.search(one)]
        close |= dict.fromkeys(apart[:_MOST_APART])
        marks = {path: mark_of(path) for path in close}
        return cls(
            near=marks,
            far={path: mark_of(path) for path in files if path not in close},
            # Later than its mark: what comes to be there meanwhile has changed the mark.
            modules={path: modules_in(path) for path in marks if os.path.isdir(path)},  # noqa: PTH112
        )

    def changed(self) -> str:
        """The first of what is near that has changed; empty if nothing has."""
        for path, mark in self.near.items():
            now = mark_of(path)
            if now != mark and not self._has_same_modules(path, now):
                return path
        return ""

    def _has_same_modules(self, path: str, now: Mark) -> bool:
        """Whether it is a directory in which only other things were written than modules."""
        if now[1] != self.near[path][1] or path not in self.modules:
            return False
        if modules_in(path) != self.modules[path]:
            return False
        # It was looked at after this mark, and need not be listed again.
        self.near[path] = now
        return True

    def changed_anywhere(self) -> str:
        """The same of everything; takes some milliseconds."""
        return self.changed() or _changed(self.far)

    def changed_since(self, at: float) -> str:
        """The first of what was near, or imported, that had last changed after a time; else empty.

        A time that has not come yet says nothing: it would be after any start.
        """
        begun, now = int(at * 1e9), time.time_ns()
        both = (*self.near.items(), *self.far.items())
        return next((path for path, mark in both if begun < mark[0] <= now), "")


def modules_in(path: str) -> str:
    """A digest of what a directory has that means something to an import: names, and which files they are."""
    try:
        with os.scandir(path) as found:
            # What is installed anew in the same version has its old name.
            names = sorted(f"{one.name}/{one.inode()}" for one in found if _is_module(one.name))
    except OSError:
        return ""
    return hashlib.sha256("\0".join(names).encode(errors="surrogateescape")).hexdigest()


def _is_module(name: str) -> bool:
    """Whether it is, or may be, a module, a package, or what says which are installed."""
    return name.endswith(_MODULES) or ("." not in name and name != "__pycache__")


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
