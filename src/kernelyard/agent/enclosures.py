"""A control group around each kernel, from which nothing that it starts escapes: to end all of it at once.

It takes version 2 of control groups, mounted anywhere, and no controller: beside version 1, which holds
limits then, it works as well. Where we may make no groups, what belongs to a kernel is found by its
environment instead (``belongings``), and code that hides from that can stay behind.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from kernelyard.agent.cgroups import MOUNTS, OWN, put_into, remove_group, unified_place


@dataclass(frozen=True, slots=True)
class Enclosures:
    """Makes them below our own group; does nothing where that cannot be."""

    parent: Path | None = None
    """The directory in which they are made."""

    @classmethod
    def find(cls, name: str, mounts: Path = MOUNTS, own: Path = OWN) -> Enclosures:
        """Look whether they can be made. Never raises."""
        try:
            place = unified_place(mounts.read_text(), own.read_text())
            if place is None:
                return cls()
            parent = place / name
            parent.mkdir(exist_ok=True)
        except OSError:
            return cls()
        if not (parent / "cgroup.kill").exists():
            remove_group(parent)
            return cls()
        return cls(parent)

    def make(self, kernel_id: str) -> Path | None:
        """Make the one of a kernel, or find it; None where that cannot be."""
        if self.parent is None:
            return None
        place = self.parent / kernel_id
        try:
            place.mkdir(exist_ok=True)
        except OSError:
            return None
        return place

    def enter(self, kernel_id: str, pid: int) -> None:
        """Enclose a process and all that it will start, as far as that can be done."""
        if (place := self.make(kernel_id)) is None:
            return
        try:
            put_into(place, pid)
        except OSError:
            # It has ended already, or we may not: it is looked for in other ways, too.
            return

    def end(self, kernel_id: str) -> None:
        """Kill whatever is in there."""
        if self.parent is None:
            return
        try:
            (self.parent / kernel_id / "cgroup.kill").write_text("1")
        except OSError:
            return

    def remove(self, kernel_id: str) -> bool:
        """Remove one if nothing is in it; return whether nothing is left of it."""
        return self.parent is None or remove_group(self.parent / kernel_id)

    def sweep(self, living: Collection[str]) -> None:
        """End and remove those of all kernels but the ``living``."""
        if self.parent is None:
            return
        for place in self.parent.iterdir():
            if place.is_dir() and place.name not in living:
                self.end(place.name)
                remove_group(place)

    def close(self) -> None:
        """Remove what holds them, if none is left."""
        if self.parent is not None:
            remove_group(self.parent)
