"""What the system knows of the server's process, under the names that Prometheus gives such facts."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from kernelyard.yard.metrics import Metric, gauge, total

_SELF = Path("/proc/self")


async def process_facts() -> list[Metric]:
    """Return processor time, and memory and descriptors where the system tells them."""
    used = total("process_cpu_seconds_total", "Processor time used.", time.process_time())
    return [used, *await asyncio.to_thread(_of_linux)]


def _of_linux() -> list[Metric]:
    try:
        pages = int((_SELF / "statm").read_text("ascii").split()[1])
        descriptors = sum(1 for _ in (_SELF / "fd").iterdir())
    except (OSError, ValueError, IndexError):
        return []
    memory = pages * os.sysconf("SC_PAGE_SIZE")
    return [
        gauge("process_resident_memory_bytes", "Memory in use.", memory),
        gauge("process_open_fds", "Open descriptors.", descriptors),
    ]
