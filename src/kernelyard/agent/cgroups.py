"""Control groups of Linux, version 1 and 2: what holds limits for all processes of a kernel together.

Used where we may write to them: below our own group, or below the one that is named. Nothing needs root:
in a group that was delegated to us we may do the same. Every group is named for its kernel, so that a
later agent finds it again.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

MOUNTS = Path("/proc/self/mounts")
OWN = Path("/proc/self/cgroup")
CONTROLLERS = ("memory", "cpu", "pids")
_PERIOD = 100_000
_OWN_LEAF = "kernelyard-own"
_SYSTEMD = Path("/run/systemd/system")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a group is to hold; 0 for no limit."""

    memory_bytes: int = 0
    milli_cpu: int = 0
    processes: int = 0

    def controllers(self) -> list[str]:
        """The controllers that this takes."""
        wished = {"memory": self.memory_bytes, "cpu": self.milli_cpu, "pids": self.processes}
        return [name for name, limit in wished.items() if limit]


@dataclass(slots=True)
class Group:
    """The group of one kernel: one directory for each controller, or one for all."""

    version: int
    places: dict[str, Path]
    """Controller to directory."""

    def enter(self, pid: int) -> None:
        """Put a process into it; what it starts is in it, too. Raises OSError."""
        for place in set(self.places.values()):
            put_into(place, pid)

    def memory_kills(self) -> int:
        """How many of its processes the system has killed for want of memory."""
        place = self.places.get("memory")
        if place is None:
            return 0
        file = "memory.events" if self.version == 2 else "memory.oom_control"
        return _counted(place / file, "oom_kill")

    def remove(self) -> bool:
        """Remove it if its processes have gone; return whether nothing is left of it."""
        left = [place for place in set(self.places.values()) if not remove_group(place)]
        return not left


def put_into(place: Path, pid: int) -> None:
    """Move a process to a group, if it is not there yet: a move takes milliseconds. Raises OSError."""
    procs = place / "cgroup.procs"
    try:
        there = str(pid) in procs.read_text().split()
    except OSError:
        there = False
    if not there:
        procs.write_text(str(pid))


@dataclass(slots=True)
class Groups:
    """Makes groups below the places that we may write to."""

    name: str
    """Of the directory that holds the groups of one agent."""
    version: int = 0
    parents: dict[str, Path] = field(default_factory=dict)
    """Controller to the directory in which groups are made; missing where we may not."""
    problem: str = "this system has no control groups"

    @classmethod
    def find(cls, name: str, mounts: Path = MOUNTS, own: Path = OWN) -> Groups:
        """Look where groups can be made. Never raises."""
        groups = cls(name)
        try:
            found = places(mounts.read_text(), own.read_text())
        except OSError:
            return groups
        for controller, (version, place) in found.items():
            if controller not in CONTROLLERS and version == 1:
                continue
            groups._try(version, controller, place)
        return groups

    def make(self, kernel_id: str, wish: Wish) -> Group | None:
        """Make a kernel's group with its limits, or find it; None if no limit can be held so.

        Raises OSError.
        """
        places: dict[str, Path] = {}
        for controller in wish.controllers():
            if (parent := self.parents.get(controller)) is not None:
                place = places[controller] = parent / kernel_id
                try:
                    self._make(place, controller, wish)
                except (FileNotFoundError, PermissionError):
                    # Another agent that clears up may have taken away what was empty. Where it is there
                    # again without its controllers, what holds a limit may not even be made.
                    self._open(parent)
                    self._make(place, controller, wish)
        return Group(self.version, places) if places else None

    def _make(self, place: Path, controller: str, wish: Wish) -> None:
        place.mkdir(exist_ok=True)
        _limit(self.version, controller, place, wish)

    def _open(self, parent: Path) -> None:
        """Make what holds the groups, once more. Raises OSError."""
        parent.mkdir(exist_ok=True)
        if self.version == 2:
            _pass_on(parent, [name for name, one in self.parents.items() if one == parent])

    def find_again(self, kernel_id: str) -> Group | None:
        """The group that an earlier agent has made."""
        places = {name: parent / kernel_id for name, parent in self.parents.items()}
        there = {name: place for name, place in places.items() if place.is_dir()}
        return Group(self.version, there) if there else None

    def sweep(self, living: Collection[str]) -> None:
        """Remove the groups of all kernels but the ``living``."""
        for parent in set(self.parents.values()):
            for place in parent.iterdir():
                if place.is_dir() and place.name not in living:
                    remove_group(place)

    def close(self) -> None:
        """Remove what holds the groups, if nothing is in it."""
        for parent in set(self.parents.values()):
            remove_group(parent)

    def _try(self, version: int, controller: str, place: Path) -> None:
        parent = place / self.name
        try:
            if version == 2:
                controllers = _delegated(place)
                parent.mkdir(exist_ok=True)
                _pass_on(parent, controllers)
            else:
                controllers = [controller]
                parent.mkdir(exist_ok=True)
        except OSError as error:
            self.problem = f"{place} may not be used ({error.strerror})"
            return
        self.version = version
        self.parents |= dict.fromkeys(controllers, parent)


def _pass_on(parent: Path, controllers: list[str]) -> None:
    (parent / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in controllers))


def places(mounts: str, own: str) -> dict[str, tuple[int, Path]]:
    """Controller to the version and directory of our own group; version 2 has one for all."""
    mounted: dict[str, tuple[int, Path]] = {}
    for line in mounts.splitlines():
        _, place, kind, options, *_ = line.split()
        if kind == "cgroup2":
            mounted[""] = (2, Path(place))
        elif kind == "cgroup":
            for option in options.split(","):
                mounted[option] = (1, Path(place))
    found: dict[str, tuple[int, Path]] = {}
    for line in own.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            if controller in mounted:
                version, root = mounted[controller]
                found[controller] = (version, _inside(root, path))
    if any(name in found for name in CONTROLLERS):
        found.pop("", None)
    return found


def unified_place(mounts: str, own: str) -> Path | None:
    """The directory of our own group in the hierarchy of version 2, if that is mounted."""
    roots = [Path(line.split()[1]) for line in mounts.splitlines() if line.split()[2] == "cgroup2"]
    paths = [line.removeprefix("0::") for line in own.splitlines() if line.startswith("0::")]
    return _inside(roots[0], paths[0]) if roots and paths else None


def _inside(root: Path, path: str) -> Path:
    inside = root / path.lstrip("/").removesuffix(f"/{_OWN_LEAF}")
    # In a container the path is that of the host, and our group is the root that we see.
    return inside if inside.is_dir() else root


def _delegated(place: Path) -> list[str]:
    """Let the controllers of ``place`` be used below it; return them. Raises OSError.

    Processes may not stand beside groups that are limited, so all that are there, we among them, step
    down into a group of their own; but only where the whole group was given to us.
    """
    there = (place / "cgroup.controllers").read_text().split()
    wanted = [name for name in CONTROLLERS if name in there]
    if not wanted:
        raise OSError(errno.ENOTSUP, "none of the controllers is delegated to us")
    switch = place / "cgroup.subtree_control"
    enabled = switch.read_text().split()
    if all(name in enabled for name in wanted):
        return wanted
    try:
        switch.write_text(" ".join(f"+{name}" for name in wanted))
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        if not _is_ours(place):
            raise OSError(
                errno.EBUSY, "other processes are in it, and it is not delegated"
            ) from error
        _step_down(place)
        switch.write_text(" ".join(f"+{name}" for name in wanted))
    return wanted


def _is_ours(place: Path) -> bool:
    """Whether a group was given to us whole: by systemd's mark, or where there is no systemd to ask."""
    for mark in ("user.delegate", "trusted.delegate"):
        try:
            if os.getxattr(place, mark) == b"1":
                return True
        except OSError:
            continue
    return not _SYSTEMD.exists()


def _step_down(place: Path) -> None:
    leaf = place / _OWN_LEAF
    leaf.mkdir(exist_ok=True)
    for _ in range(10):
        there = (place / "cgroup.procs").read_text().split()
        for pid in there:
            try:
                (leaf / "cgroup.procs").write_text(pid)
            except ProcessLookupError:
                continue
        if not there:
            return


def _limit(version: int, controller: str, place: Path, wish: Wish) -> None:
    match version, controller:
        case 2, "memory":
            (place / "memory.max").write_text(str(wish.memory_bytes))
            _if_there(place / "memory.swap.max", "0")
        case 2, "cpu":
            quota = wish.milli_cpu * _PERIOD // 1000
            (place / "cpu.max").write_text(f"{max(1000, quota)} {_PERIOD}")
        case 1, "memory":
            _write_memory(place, wish.memory_bytes)
        case 1, "cpu":
            (place / "cpu.cfs_period_us").write_text(str(_PERIOD))
            quota = wish.milli_cpu * _PERIOD // 1000
            (place / "cpu.cfs_quota_us").write_text(str(max(1000, quota)))
        case _:
            (place / "pids.max").write_text(str(wish.processes))


def _write_memory(place: Path, limit: int) -> None:
    # The limit with swap may not be below the one without: which is written first depends on both.
    with_swap = place / "memory.memsw.limit_in_bytes"
    try:
        (place / "memory.limit_in_bytes").write_text(str(limit))
    except OSError:
        _if_there(with_swap, str(limit))
        (place / "memory.limit_in_bytes").write_text(str(limit))
    _if_there(with_swap, str(limit))


def _if_there(file: Path, text: str) -> None:
    try:
        if file.exists():
            file.write_text(text)
    except OSError:
        pass


def _counted(file: Path, key: str) -> int:
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.split()[:1] == [key]), 0)


def remove_group(place: Path) -> bool:
    """Remove a group if nothing is in it; return whether nothing is left of it."""
    try:
        place.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
