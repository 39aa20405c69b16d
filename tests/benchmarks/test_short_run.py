"""A short run of the benchmarks works, and writes its page; what the figures say is not asked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MEASURES = ("serving", "round-trip", "floods")


@pytest.mark.journey
@pytest.mark.timeout(240)
def test_a_short_run_measures_and_writes_its_page(tmp_path: Path) -> None:
    page = tmp_path / "RESULTS.md"
    only = [word for name in MEASURES for word in ("--only", name)]
    argv = ["-m", "benchmarks", "--quick", "--without-gateway", "--results", str(page), *only]
    done = subprocess.run(
        [sys.executable, *argv],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    text = page.read_text("utf-8")
    for measure in ("server start", "execute round trip", "printed lines"):
        assert measure in text
    assert "all stored" in text
    assert "not relayed" not in text
    # Server, agent and kernels have taken their directory with them.
    assert not list(tmp_path.glob("kernelyard-bench*"))
