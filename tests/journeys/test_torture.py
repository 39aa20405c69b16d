"""Kernels under load lose nothing while everything around them is killed, stopped, filled up and cut."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MOST_SECONDS = 240


def torture(*arguments: str) -> str:
    """Run the suite; fail with all that it told, or return that."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.torture", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        told, _ = process.communicate(timeout=MOST_SECONDS)
    except subprocess.TimeoutExpired:
        process.terminate()  # it cleans up
        told, _ = process.communicate(timeout=60)
    assert process.returncode == 0, told
    return told


@pytest.mark.timeout(MOST_SECONDS + 90)
def test_nothing_is_lost_in_a_run_that_is_always_the_same() -> None:
    assert "lines checked" in torture("--seed", "7", "--minutes", "0.9")


@pytest.mark.timeout(MOST_SECONDS + 90)
def test_nothing_is_lost_in_a_run_that_is_always_another(
    capsys: pytest.CaptureFixture[str],
) -> None:
    seed = str(random.SystemRandom().randrange(1 << 20))
    with capsys.disabled():
        print(f"\n  to repeat it: make torture ARGS='--seed {seed} --rounds 2'", flush=True)
    assert "lines checked" in torture("--seed", seed, "--rounds", "2")
