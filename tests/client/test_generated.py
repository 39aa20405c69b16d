"""The synchronous client is exactly what its generator makes of the asynchronous one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_nothing_generated_was_edited_or_forgotten() -> None:
    command = [sys.executable, "tools/generate_sync.py", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
