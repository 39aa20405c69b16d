"""The processes that belong to a kernel: its own, and all that its code has started, however they fled.

Every kernel has its id in its environment, and what it starts inherits that. So they are found again in
the system's table of processes, also in sessions of their own and when their parents have gone. Where
there is no such table that we can read, only the kernel's process group is known.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path

KERNEL_ID = "KERNELYARD_KERNEL_ID"
"""The variable that tells code on which kernel it runs."""
_TABLE = Path("/proc")
_SECONDS_PER_TICK = 1 / os.sysconf("SC_CLK_TCK")
_FRESH_SECONDS = 1.0
_MOST_ENVIRONMENT = 1024 * 1024


@dataclass(slots=True)
class ProcessTable:
    """The table of processes, looked at no more than once a second however many ask."""

    _read_at: float = -_FRESH_SECONDS
    _by_kernel: dict[str, set[int]] = field(default_factory=dict)

    def processes_of(self, kernel_id: str, *, fresh: bool = False) -> set[int]:
        """Ids of the living processes of a kernel; with ``fresh`` of this moment."""
        now = time.monotonic()
        if fresh or now - self._read_at >= _FRESH_SECONDS:
            self._by_kernel = _read_table()
            self._read_at = now
        return set(self._by_kernel.get(kernel_id, ()))

    def processor_seconds(self, kernel_id: str) -> dict[int, float]:
        """The processor time that each process of a kernel has used, with its ended children's."""
        used = ((pid, _processor_seconds(pid)) for pid in self.processes_of(kernel_id))
        return {pid: seconds for pid, seconds in used if seconds is not None}

    def kill(self, kernel_id: str) -> int:
        """Kill what is left of a kernel that has ended; return how many processes that were.

        Looks again until nothing is left, for a process may have started another meanwhile.
        """
        killed = 0
        for _ in range(10):
            left = self.processes_of(kernel_id, fresh=True) - {os.getpid()}
            if not left:
                break
            for pid in left:
                try:
                    os.kill(pid, signal.SIGKILL)
                    killed += 1
                except (ProcessLookupError, PermissionError):
                    continue
        return killed


def _read_table() -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    mark = f"\0{KERNEL_ID}=".encode()
    try:
        names = os.listdir(_TABLE)  # noqa: PTH208 - hundreds of paths would be made for nothing
    except OSError:
        return found
    for name in names:
        if not name.isdigit():
            continue
        try:
            with (_TABLE / name / "environ").open("rb") as file:
                environment = b"\0" + file.read(_MOST_ENVIRONMENT)
        except OSError:
            continue
        _, known, rest = environment.partition(mark)
        if known and not _is_zombie(name):
            kernel_id = rest.partition(b"\0")[0].decode(errors="replace")
            found.setdefault(kernel_id, set()).add(int(name))
    return found


def _is_zombie(name: str) -> bool:
    fields = _fields(name)
    return fields is None or fields[0] in (b"Z", b"X")


def _processor_seconds(pid: int) -> float | None:
    fields = _fields(str(pid))
    if fields is None:
        return None
    # utime, stime, and those of the children that it has waited for.
    return sum(map(int, fields[11:15])) * _SECONDS_PER_TICK


def _fields(name: str) -> list[bytes] | None:
    try:
        return (_TABLE / name / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
