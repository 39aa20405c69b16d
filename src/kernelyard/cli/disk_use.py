"""How much disk space a data directory takes, and which kernels take most of it.

What is counted are blocks on the disk, not lengths of files: the head of a journal or a log may be
given back already. Links are not followed. A directory of a kernel may hold any number of files, so
counting ends after some time, and says so.
"""

from __future__ import annotations

import os
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

SECONDS = 10.0
"""For all work directories together."""
ENTRIES_OF_EACH = 20_000
"""Files of one kernel that are counted."""
_BLOCK = 512
_DATABASE = "kernelyard.db"


@dataclass(slots=True)
class KernelUse:
    """What one kernel takes."""

    id: str
    live: bool
    journal: int = 0
    log: int = 0
    work: int = 0
    complete: bool = True
    """Whether all files of its work directory were counted."""

    @property
    def total(self) -> int:
        return self.journal + self.log + self.work


@dataclass(slots=True)
class DiskUse:
    """What a data directory takes, in bytes."""

    place: str
    free: int = 0
    total: int = 0
    database: int = 0
    journals: int = 0
    logs: int = 0
    work: int = 0
    kernels: int = 0
    live: int = 0
    complete: bool = True
    """Whether everything was counted."""
    largest: list[dict[str, str | int | bool]] = field(default_factory=list)
    """The kernels that take most."""


def disk_use(data_dir: Path, *, largest: int = 10, seconds: float = SECONDS) -> DiskUse | None:
    """Look at a data directory; None if there is none."""
    if not data_dir.is_dir():
        return None
    use = DiskUse(str(data_dir), free=shutil.disk_usage(data_dir).free)
    kernels = [_without_work(entry) for entry in _directories(data_dir / "agent" / "kernels")]
    # The least that is known of each comes first, so that time spent on one costs no other.
    deadline = time.monotonic() + seconds
    for kernel in kernels:
        place = data_dir / "agent" / "kernels" / kernel.id / "work"
        kernel.work, kernel.complete = _size_below(place, ENTRIES_OF_EACH, deadline)
    use.kernels, use.live = len(kernels), sum(kernel.live for kernel in kernels)
    use.journals = sum(kernel.journal for kernel in kernels)
    use.logs = sum(kernel.log for kernel in kernels)
    use.work = sum(kernel.work for kernel in kernels)
    use.database = sum(_size(path) for path in data_dir.glob(f"{_DATABASE}*"))
    use.total = use.database + use.journals + use.logs + use.work
    use.complete = all(kernel.complete for kernel in kernels)
    kernels.sort(key=lambda kernel: kernel.total, reverse=True)
    use.largest = [_told(kernel) for kernel in kernels[:largest]]
    return use


def _without_work(entry: os.DirEntry[str]) -> KernelUse:
    place = Path(entry.path)
    return KernelUse(
        id=entry.name,
        live=not (place / "ended.json").exists(),
        journal=sum(_size(place / name) for name in ("journal", "checkpoint", "queue")),
        log=_size(place / "kernel.log"),
    )


def _told(kernel: KernelUse) -> dict[str, str | int | bool]:
    return {
        "id": kernel.id,
        "live": kernel.live,
        "total": kernel.total,
        "journal": kernel.journal,
        "log": kernel.log,
        "work": kernel.work,
        "complete": kernel.complete,
    }


def _directories(place: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(place) as entries:
            yield from (entry for entry in entries if entry.is_dir(follow_symlinks=False))
    except FileNotFoundError:
        return


def _size(path: Path) -> int:
    try:
        found = path.stat(follow_symlinks=False)
    except OSError:
        return 0
    return found.st_blocks * _BLOCK if stat.S_ISREG(found.st_mode) else 0


def _size_below(place: Path, most: int, deadline: float) -> tuple[int, bool]:
    """Return what lies below a directory takes, and whether all of it was counted."""
    size, left, complete = 0, most, True
    waiting = [place]
    while waiting:
        if left <= 0 or time.monotonic() > deadline:
            return size, False
        here = waiting.pop()
        try:
            # Nobody may lead us elsewhere by putting a link where a directory was.
            descriptor = os.open(here, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except FileNotFoundError:
            continue
        except OSError:
            complete = False
            continue
        try:
            with os.scandir(descriptor) as entries:
                for entry in islice(entries, left):
                    left -= 1
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(here / entry.name)
                    size += entry.stat(follow_symlinks=False).st_blocks * _BLOCK
        except OSError:
            complete = False
        finally:
            os.close(descriptor)
    return size, complete and left > 0
