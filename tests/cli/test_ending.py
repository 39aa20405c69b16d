"""Ending an agent that is just ending by itself."""

from __future__ import annotations

import asyncio
import fcntl
import os
import threading
from pathlib import Path

import pytest

from kernelyard.agent.lock import hold_lock
from kernelyard.agent.places import runtime_path
from kernelyard.cli import ending
from kernelyard.cli.complaints import Complaint
from kernelyard.cli.stop import stop_all
from kernelyard.model.records import RecordKind

from tests.support.agent_process import AgentProcess, of_kind


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


@pytest.mark.parametrize("name", ["data", "d" * 100], ids=["short", "long"])
async def test_nothing_is_left_of_what_was_killed(tmp_path: Path, name: str) -> None:
    agent = AgentProcess(tmp_path / name)
    await agent.start()
    place = agent.data_dir
    try:
        kernel = await agent.launch()
        await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
        assert list(agent.folder(kernel).glob("connection-*.json"))
        agent.kill()
        (place / "server.json").write_text("{}")
        assert (await asyncio.to_thread(stop_all, place)).kernels == 1
    finally:
        await agent.clean_up()
    left = {str(path.relative_to(place)) for path in place.rglob("*")}
    gone = {"server.json", "agent/agent.json", "agent/agent.sock", "agent/spawner.sock"}
    assert not left & gone
    assert not any("connection-" in one or "agent/run" in one for one in left), left
    assert not runtime_path(place).exists()
    assert f"agent/kernels/{kernel}/journal" in left


def test_where_an_agent_lives_nothing_of_it_is_removed(place: Path) -> None:
    lock = hold_lock(place / "agent" / "agent.lock")
    (place / "agent" / "agent.json").touch()
    try:
        ending.remove_remains(place)
        assert (place / "agent" / "agent.json").exists()
    finally:
        os.close(lock)


def test_where_a_kernel_listens_that_may_live_elsewhere_is_kept(place: Path) -> None:
    os.close(hold_lock(place / "agent" / "agent.lock"))
    kernel = place / "agent" / "kernels" / "k"
    kernel.mkdir(parents=True)
    (kernel / "process.json").write_text('{"pid": null}')
    (kernel / "connection-1.json").touch()
    ending.remove_remains(place)
    assert (kernel / "connection-1.json").exists()
