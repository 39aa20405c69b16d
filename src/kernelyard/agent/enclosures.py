"""A control group around each kernel, from which nothing that it starts escapes: to end all of it at once.

It takes version 2 of control groups, mounted anywhere, and no controller: beside version 1, which holds
limits then, it works as well. Where we may make no groups, what belongs to a kernel is found by its
environment instead (``belongings``), and code that hides from that can stay behind.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from kernelyard.agent.cgroups import MOUNTS, OWN, put_into, remove_group, unified_place

_WHOSE = "user.kernelyard.kernel"
"""The attribute of a group that was made before it was known for which kernel."""


@dataclass(frozen=True, slots=True)
class Enclosures:
    """Makes them below our own group; does nothing where that cannot be."""

    parent: Path | None = None
    """The directory in which they are made."""
    _given: dict[str, str] = field(default_factory=dict, compare=False)
    """Kernel to the name of the group that was made before and given to it."""

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
        return cls(parent, _given_in(parent))

    def make(self, kernel_id: str) -> Path | None:
        """Make the one of a kernel, or find it; None where that cannot be."""
        if self.parent is None:
            return None
        place = self.parent / self.name_of(kernel_id)
        try:
            # Another agent that clears up may have taken away what was empty.
            place.mkdir(parents=True, exist_ok=True)
        except OSError:
            return None
        return place

    def name_of(self, kernel_id: str) -> str:
        """The name of a kernel's group: its id, unless it was given one that was there before."""
        return self._given.get(kernel_id, kernel_id)

    def give(self, name: str, kernel_id: str) -> bool:
        """Let a group be a kernel's from now on, whatever is in it; False if that cannot be.

        The group itself says whose it is, to a later agent, too. What is in a group cannot be moved without
        waiting, and a group cannot be renamed.
        """
        if self.parent is None:
            return True
        if kernel_id in self._given or (self.parent / kernel_id).exists():
            return False
        try:
            os.setxattr(self.parent / name, _WHOSE, kernel_id.encode())
        except OSError:
            return False
        self._given[kernel_id] = name
        return True

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
        if self.parent is not None:
            _kill(self.parent / self.name_of(kernel_id))

    def remove(self, kernel_id: str) -> bool:
        """Remove one if nothing is in it; return whether nothing is left of it."""
        if self.parent is None:
            return True
        gone = remove_group(self.parent / self.name_of(kernel_id))
        if gone:
            self._given.pop(kernel_id, None)
        return gone

    def sweep(self, living: Collection[str]) -> None:
        """End and remove those of all kernels but the ``living``."""
        if self.parent is None:
            return
        names = {self.name_of(one) for one in living}
        whose = {name: kernel_id for kernel_id, name in self._given.items()}
        for place in self.parent.iterdir():
            if place.is_dir() and place.name not in names:
                _kill(place)
                if remove_group(place):
                    self._given.pop(whose.get(place.name, ""), None)

    def close(self) -> None:
        """Remove what holds them, if none is left."""
        if self.parent is not None:
            remove_group(self.parent)


def _kill(place: Path) -> None:
    try:
        (place / "cgroup.kill").write_text("1")
    except OSError:
        return


def _given_in(parent: Path) -> dict[str, str]:
    """Which groups there are that were given to a kernel, by its id."""
    found: dict[str, str] = {}
    for place in parent.iterdir():
        if place.is_dir():
            try:
                found[os.getxattr(place, _WHOSE).decode()] = place.name
            except (OSError, UnicodeDecodeError):
                continue
    return found
