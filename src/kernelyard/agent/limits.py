"""Holding a kernel to the limits of its template: control groups where we may, else what there is.

A control group holds for all processes of a kernel together. The limits of a process (``setrlimit``) hold
for each by itself, and are what remains where no group can be made. Processes that we start take them on
before they run anything (``prepare``); those that others start for us are held right after the start,
with whatever they have started themselves until then (``hold``).
"""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from kernelyard.agent.cgroups import Group, Groups, Wish
from kernelyard.agent.enclosures import Enclosures
from kernelyard.agent.endings import MemoryFate
from kernelyard.agent.left_groups import mark
from kernelyard.agent.logs import Log
from kernelyard.agent.spawner.spawner import Hold
from kernelyard.model.kernels import LaunchOrder
from kernelyard.wire.link import LimitFact

REMOVAL_SECONDS = 0.1
REMOVAL_TRIES = 20
"""The last processes of a group may take a moment to be gone."""
_SYSTEM_KILLS = Path("/proc/vmstat")
_UNHELD = "not held on this system"


@dataclass(slots=True)
class Held:
    """The limits of one process of a kernel."""

    order: LaunchOrder
    group: Group | None
    kills: int
    """Processes of the group that the system had killed for want of memory when this one began."""
    system_kills: int
    """The same of the whole machine."""

    def memory_fate(self) -> MemoryFate:
        """What the system did to the kernel's processes for want of memory."""
        killed = self.group is not None and self.group.memory_kills() > self.kills
        return MemoryFate(
            killed=killed,
            suspected=_system_kills() > self.system_kills,
            limit=self.order.memory_bytes_limit,
        )


class Limits:
    """Holds the kernels of one agent to their limits."""

    def __init__(self, groups: Groups, log: Log, enclosures: Enclosures | None = None) -> None:
        self._groups = groups
        self._enclosures = enclosures or Enclosures()
        self._log = log
        self._releasing: dict[str, asyncio.TimerHandle] = {}

    def prepare(self, order: LaunchOrder) -> Hold:
        """What a process that will be started for this order is to be held by from the first."""
        if (releasing := self._releasing.pop(order.kernel_id, None)) is not None:
            releasing.cancel()
        enclosure = self._enclosures.make(order.kernel_id)
        group = self._group(order)
        places = set(group.places.values()) if group is not None else set[Path]()
        return Hold(
            groups=(*places, *([enclosure] if enclosure is not None else [])),
            limits=tuple(_process_limits(order, group)),
        )

    def open_ahead(self, name: str) -> tuple[Path, ...]:
        """Make a control group for a kernel of which nobody knows yet which it will be."""
        place = self._enclosures.make(name)
        return () if place is None else (place,)

    def give(self, name: str, kernel_id: str) -> bool:
        """Let such a group be that of a kernel; False if it has one, or that cannot be."""
        return self._enclosures.give(name, kernel_id)

    def close_ahead(self, name: str) -> bool:
        """End what is in such a group, and remove it; return whether it is gone."""
        self._enclosures.end(name)
        return self._enclosures.remove(name)

    def hold(self, order: LaunchOrder, pid: int) -> Held:
        """Hold a process that was just started to the limits of its order, as far as can be.

        So is what it has started meanwhile.
        """
        group = self._group(order)
        limits = _process_limits(order, group)
        for one in _with_descendants(pid):
            self._enclosures.enter(order.kernel_id, one)
            try:
                if group is not None:
                    group.enter(one)
            except ProcessLookupError:
                pass
            except OSError as error:
                self._not_grouped(order, error)
                group, limits = None, _process_limits(order, None)
            _limit_process(one, limits)
        return Held(order, group, group.memory_kills() if group else 0, _system_kills())

    def _group(self, order: LaunchOrder) -> Group | None:
        try:
            return self._groups.make(self._enclosures.name_of(order.kernel_id), _wish(order))
        except OSError as error:
            self._not_grouped(order, error)
            return None

    def _not_grouped(self, order: LaunchOrder, error: OSError) -> None:
        self._log.warning("limits.no_group", kernel_id=order.kernel_id, problem=str(error))
        self.release(order.kernel_id)

    def find_again(self, order: LaunchOrder, kills: int) -> Held:
        """The limits of a process that an earlier agent has started, after so many kills."""
        group = self._groups.find_again(self._enclosures.name_of(order.kernel_id))
        return Held(order, group, kills, _system_kills())

    def end_all(self, kernel_id: str) -> None:
        """Kill whatever is enclosed with a kernel whose process has ended."""
        self._enclosures.end(kernel_id)

    def release(self, kernel_id: str, tries: int = REMOVAL_TRIES) -> None:
        """Remove the group of a kernel whose process has ended, soon if not at once."""
        if (before := self._releasing.pop(kernel_id, None)) is not None:
            before.cancel()
        group = self._groups.find_again(self._enclosures.name_of(kernel_id))
        gone = group is None or group.remove()
        # The name of both is forgotten with the enclosure: so that is the last to go.
        if ((gone or not tries) and self._enclosures.remove(kernel_id)) or not tries:
            return
        loop = asyncio.get_running_loop()
        again = loop.call_later(REMOVAL_SECONDS, self.release, kernel_id, tries - 1)
        self._releasing[kernel_id] = again

    def sweep(self, living: Collection[str]) -> None:
        """Remove the groups of all kernels but the ``living``."""
        names = {self._enclosures.name_of(one) for one in living}
        try:
            self._enclosures.sweep(living)
            self._groups.sweep(names)
        except OSError as error:
            self._log.warning("limits.not_swept", problem=str(error))

    def places(self, data_dir: Path) -> list[Path]:
        """What holds the groups of all kernels; it says from now on which agent it is of."""
        found = [*self._groups.parents.values()]
        if (own := self._enclosures.parent) is not None:
            mark(own, data_dir)
            found.append(own)
        return found

    def close(self) -> None:
        """Remove what holds the groups, if no kernel is left in it."""
        self._enclosures.close()
        self._groups.close()

    def facts(self) -> list[LimitFact]:
        """How each limit is held on this machine."""
        groups, there = self._groups, hasattr(resource, "prlimit")
        by_group = f"cgroup v{groups.version}"
        each = "for each process by itself"
        facts: list[LimitFact] = []
        for limit, controller in (
            ("memory_bytes_limit", "memory"),
            ("milli_cpu_limit", "cpu"),
            ("processes_limit", "pids"),
        ):
            if controller in groups.parents:
                facts.append(LimitFact(limit, by_group, str(groups.parents[controller].parent)))
            elif controller == "cpu" or not there:
                facts.append(LimitFact(limit, "", f"not held: {groups.problem}"))
            elif controller == "pids" and os.geteuid() == 0:
                facts.append(LimitFact(limit, "", f"not held for root: {groups.problem}"))
            else:
                about = each if controller == "memory" else "for all processes of the user together"
                facts.append(LimitFact(limit, "rlimit", f"{about}: {groups.problem}"))
        for limit in ("cpu_seconds_limit", "file_bytes_limit"):
            facts.append(
                LimitFact(limit, "rlimit", each) if there else LimitFact(limit, "", _UNHELD)
            )
        for limit in ("max_idle_duration", "max_life_duration"):
            facts.append(LimitFact(limit, "agent"))
        return facts


def _wish(order: LaunchOrder) -> Wish:
    return Wish(
        memory_bytes=order.memory_bytes_limit,
        milli_cpu=order.milli_cpu_limit,
        processes=order.processes_limit,
    )


def _process_limits(order: LaunchOrder, group: Group | None) -> list[tuple[int, int, int]]:
    """What each process is held to by itself: all that the group does not hold."""
    held = group.places if group is not None else {}
    wanted: list[tuple[int, int, int]] = []
    if order.cpu_seconds_limit:
        # A second between the two: the first kills with a signal that tells why.
        seconds = order.cpu_seconds_limit
        wanted.append((resource.RLIMIT_CPU, seconds, seconds + 1))
    if order.file_bytes_limit:
        wanted.append((resource.RLIMIT_FSIZE, order.file_bytes_limit, order.file_bytes_limit))
    if "memory" not in held and order.memory_bytes_limit:
        # What a process may write to and shares with nobody; reserved addresses do not count.
        wanted.append((resource.RLIMIT_DATA, order.memory_bytes_limit, order.memory_bytes_limit))
    if "pids" not in held and order.processes_limit and os.geteuid() != 0:
        most = order.processes_limit + _tasks_of_this_user()
        wanted.append((resource.RLIMIT_NPROC, most, most))
    return wanted


def _limit_process(pid: int, limits: list[tuple[int, int, int]]) -> None:
    if not hasattr(resource, "prlimit"):
        return
    for kind, soft, hard in limits:
        try:
            _, present = resource.prlimit(pid, kind)
            if present != resource.RLIM_INFINITY:
                soft, hard = min(soft, present), min(hard, present)
            resource.prlimit(pid, kind, (soft, hard))
        except (ProcessLookupError, PermissionError):
            continue


def _with_descendants(pid: int) -> Iterator[int]:
    """A process, and what it has started until nothing new is found: each is held before it is asked."""
    seen, waiting = {pid}, [pid]
    while waiting:
        one = waiting.pop()
        yield one
        fresh = _children(one) - seen
        seen |= fresh
        waiting += fresh


def _children(pid: int) -> set[int]:
    found: set[int] = set()
    try:
        threads = os.listdir(f"/proc/{pid}/task")  # noqa: PTH208 - each kernel that starts waits for it
    except OSError:
        return found
    for thread in threads:
        try:
            with open(f"/proc/{pid}/task/{thread}/children", "rb") as file:  # noqa: PTH123 - as above
                found.update(map(int, file.read().split()))
        except OSError:
            continue
    return found


def _tasks_of_this_user() -> int:
    """Threads of all processes of this user: the system counts them all against one limit."""
    count, uid = 0, os.getuid()
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if place.stat().st_uid == uid:
                count += sum(1 for _ in (place / "task").iterdir())
        except OSError:
            continue
    return count


def _system_kills() -> int:
    try:
        lines = _SYSTEM_KILLS.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), 0)
