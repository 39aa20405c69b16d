"""Telling a process from a later one with the same id: by its start time and the system's boot."""

from __future__ import annotations

import functools
import os
import subprocess
import time
from pathlib import Path


def start_time_of(pid: int) -> int | None:
    """When a process was started, in a unit of the system's own; None if it has ended."""
    if not Path("/proc/self/stat").exists():
        return _start_time_by_ps(pid)
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


@functools.cache
def boot_id() -> str:
    """A text that changes with every start of the system."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return _output_of(["sysctl", "-n", "kern.bootsessionuuid"])


def _start_time_by_ps(pid: int) -> int | None:
    state, _, started = _output_of(["ps", "-o", "stat=,lstart=", "-p", str(pid)]).partition(" ")
    if not started or state.startswith("Z"):
        return None
    return int(time.mktime(time.strptime(" ".join(started.split()), "%a %b %d %H:%M:%S %Y")))


def _output_of(argv: list[str]) -> str:
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    return done.stdout.strip()
