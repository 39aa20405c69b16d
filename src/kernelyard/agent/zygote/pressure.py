"""Whether memory is short, so that zygotes are better ended than started."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

LEAST_AVAILABLE = 256 * 1024 * 1024
LEAST_PART = 0.05
"""Of all memory, or of what the control group may take, that must be free."""
MOST_STALLED = 10.0
"""Percent of the last ten seconds in which some process waited for memory."""
_STALLED = re.compile(r"^some avg10=([0-9.]+)", re.MULTILINE)
_ENTRY = re.compile(r"^(\w+):\s+(\d+) kB$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Pressure:
    """Reads what the system says of its memory. What cannot be read is not short."""

    memory: Path = Path("/proc/meminfo")
    stalls: Path = Path("/proc/pressure/memory")
    own_group: Path = Path("/proc/self/cgroup")
    groups: Path = Path("/sys/fs/cgroup")

    def reason(self) -> str:
        """Why memory is short; empty if it is not."""
        return self._by_availability() or self._by_stalls() or self._by_group()

    def _by_availability(self) -> str:
        entries = {name: int(size) * 1024 for name, size in _ENTRY.findall(_read(self.memory))}
        if "MemAvailable" not in entries:
            return ""
        free, least = entries["MemAvailable"], _least(entries.get("MemTotal", 0))
        return _short(free, least, "of the machine") if free < least else ""

    def _by_stalls(self) -> str:
        found = _STALLED.search(_read(self.stalls))
        if found is None or float(found[1]) < MOST_STALLED:
            return ""
        return f"programs wait for memory {float(found[1]):.0f} % of the time"

    def _by_group(self) -> str:
        for line in _read(self.own_group).splitlines():
            controllers, _, path = line.partition(":")[2].partition(":")
            if controllers not in ("", "memory"):
                continue
            top = self.groups / controllers
            place = top / path.lstrip("/")
            for group in (place, *place.parents):
                if problem := _full(group, unified=not controllers):
                    return problem
                if group == top:
                    break
        return ""


def _full(group: Path, *, unified: bool) -> str:
    limit_file = "memory.max" if unified else "memory.limit_in_bytes"
    used_file = "memory.current" if unified else "memory.usage_in_bytes"
    limit, used = _read(group / limit_file).strip(), _read(group / used_file).strip()
    if not (limit.isdigit() and used.isdigit()):
        return ""
    # What files of the disk occupy is given back when it is needed.
    cached = re.search(
        r"^(?:total_)?inactive_file (\d+)$", _read(group / "memory.stat"), re.MULTILINE
    )
    free = int(limit) - int(used) + (int(cached[1]) if cached else 0)
    least = min(LEAST_AVAILABLE, int(int(limit) * LEAST_PART))
    return _short(free, least, f"of the control group {group}") if free < least else ""


def _least(total: int) -> int:
    return min(LEAST_AVAILABLE, int(total * LEAST_PART)) if total else LEAST_AVAILABLE


def _short(free: int, least: int, whose: str) -> str:
    return f"{max(0, free) >> 20} MB {whose} are free, and {least >> 20} MB should be"


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, ValueError):
        return ""
