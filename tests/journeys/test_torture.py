"""Kernels under load lose nothing while everything around them is killed, stopped, filled up and cut."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def torture(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.torture", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.mark.timeout(300)
def test_nothing_is_lost_in_a_run_that_is_always_the_same() -> None:
    ended = torture("--seed", "7", "--minutes", "1")
    assert ended.returncode == 0, ended.stdout


@pytest.mark.timeout(300)
def test_nothing_is_lost_in_a_run_that_is_always_another(
    capsys: pytest.CaptureFixture[str],
) -> None:
    seed = str(random.SystemRandom().randrange(1 << 20))
    with capsys.disabled():
        print(f"\n  repeat with: make torture ARGS='--seed {seed} --rounds 2'")
    ended = torture("--seed", seed, "--rounds", "2")
    assert ended.returncode == 0, ended.stdout
