"""Stand-in kernels as processes, ended afterwards."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

STAND_IN = Path(__file__).parents[2] / "support" / "standin_kernel.py"
RunKernel = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def run_kernel() -> Iterator[RunKernel]:
    """Starts a stand-in with a connection file and traits."""
    running: list[subprocess.Popen[bytes]] = []

    def run(file: Path, *traits: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, str(STAND_IN), str(file), *traits], stderr=subprocess.DEVNULL
        )
        running.append(process)
        return process

    try:
        yield run
    finally:
        for process in running:
            process.kill()
            process.wait()
