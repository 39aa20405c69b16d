"""What is generated is what its generator writes today."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.architecture.sources import ROOT


@pytest.mark.parametrize("tool", ["tools/docs_reference.py", "tools/generate_sync.py"])
def test_generated_files_are_up_to_date(tool: str) -> None:
    done = subprocess.run(
        [sys.executable, tool, "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
