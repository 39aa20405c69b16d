"""Holding a kernel to the limits of its template: control groups where we may, else what there is.

A control group holds for all processes of a kernel together. The limits of a process (``setrlimit``) hold
for each by itself, and are what remains where no group can be made. They are set from outside, right
after the start: an interpreter takes far longer to begin than that.
"""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from kernelyard.agent.cgroups import Group, Groups, Wish
from kernelyard.agent.enclosures import Enclosures
from kernelyard.agent.endings import MemoryFate
from kernelyard.agent.logs import Log
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

    def hold(self, order: LaunchOrder, pid: int) -> Held:
        """Hold a process that was just started to the limits of its order, as far as can be."""
        group = None
        self._enclosures.enter(order.kernel_id, pid)
        wish = _wish(order)
        try:
            group = self._groups.make(order.kernel_id, wish)
            if group is not None:
                group.enter(pid)
        except ProcessLookupError:
            pass
        except OSError as error:
            self._log.warning("limits.no_group", kernel_id=order.kernel_id, problem=str(error))
            self.release(order.kernel_id)
            group = None
        held = set(group.places) if group is not None else set[str]()
        _limit_process(order, pid, memory="memory" not in held, processes="pids" not in held)
        return Held(order, group, group.memory_kills() if group else 0, _system_kills())

    def find_again(self, order: LaunchOrder, kills: int) -> Held:
        """The limits of a process that an earlier agent has started, after so many kills."""
        group = self._groups.find_again(order.kernel_id)
        return Held(order, group, kills, _system_kills())

    def end_all(self, kernel_id: str) -> None:
        """Kill whatever is enclosed with a kernel whose process has ended."""
        self._enclosures.end(kernel_id)

    def release(self, kernel_id: str, tries: int = REMOVAL_TRIES) -> None:
        """Remove the group of a kernel whose process has ended, soon if not at once."""
        group = self._groups.find_again(kernel_id)
        gone = group is None or group.remove()
        if (self._enclosures.remove(kernel_id) and gone) or not tries:
            return
        loop = asyncio.get_running_loop()
        loop.call_later(REMOVAL_SECONDS, self.release, kernel_id, tries - 1)

    def sweep(self, living: Collection[str]) -> None:
        """Remove the groups of all kernels but the ``living``."""
        try:
            self._enclosures.sweep(living)
            self._groups.sweep(living)
        except OSError as error:
            self._log.warning("limits.not_swept", problem=str(error))

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


def _limit_process(order: LaunchOrder, pid: int, *, memory: bool, processes: bool) -> None:
    if not hasattr(resource, "prlimit"):
        return
    wanted: list[tuple[int, int, int]] = []
    if order.cpu_seconds_limit:
        # A second between the two: the first kills with a signal that tells why.
        seconds = order.cpu_seconds_limit
        wanted.append((resource.RLIMIT_CPU, seconds, seconds + 1))
    if order.file_bytes_limit:
        wanted.append((resource.RLIMIT_FSIZE, order.file_bytes_limit, order.file_bytes_limit))
    if memory and order.memory_bytes_limit:
        # What a process may write to and shares with nobody; reserved addresses do not count.
        wanted.append((resource.RLIMIT_DATA, order.memory_bytes_limit, order.memory_bytes_limit))
    if processes and order.processes_limit and os.geteuid() != 0:
        most = order.processes_limit + _tasks_of_this_user()
        wanted.append((resource.RLIMIT_NPROC, most, most))
    for kind, soft, hard in wanted:
        try:
            _, present = resource.prlimit(pid, kind)
            if present != resource.RLIM_INFINITY:
                soft, hard = min(soft, present), min(hard, present)
            resource.prlimit(pid, kind, (soft, hard))
        except (ProcessLookupError, PermissionError):
            continue


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
