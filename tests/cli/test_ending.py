"""Ending an agent that is just ending by itself."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path

import pytest

from kernelyard.agent.lock import hold_lock
from kernelyard.cli import ending
from kernelyard.cli.complaints import Complaint


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "agent").mkdir()
    return tmp_path


def test_where_no_agent_runs_there_is_none_to_end(place: Path) -> None:
    assert ending.end_agent(place) == (None, 0)


def test_one_that_has_withdrawn_and_then_ends_is_no_complaint(place: Path) -> None:
    lock = hold_lock(place / "agent" / "agent.lock")
    timer = threading.Timer(0.3, os.close, (lock,))
    timer.start()
    try:
        assert ending.end_agent(place) == (None, 0)
    finally:
        timer.join()


def test_one_that_stays_and_does_not_say_who_it_is_is_a_complaint(place: Path) -> None:
    lock = hold_lock(place / "agent" / "agent.lock")
    try:
        with pytest.raises(Complaint, match="does not tell its pid"):
            ending.end_agent(place)
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)
        os.close(lock)
