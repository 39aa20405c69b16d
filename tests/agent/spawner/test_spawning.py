"""What a spawner is asked for: held from the first, and only for an agent that lives."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernelyard.agent.logs import Log
from kernelyard.agent.places import agent_dir, spawner_path
from kernelyard.agent.spawner.line import frame
from kernelyard.agent.spawner.spawner import Hold, Job, Spawner, end_spawner
from kernelyard.providers.process_identity import start_time_of

from tests.support.agent_process import wait_until


@pytest.fixture
async def spawner(tmp_path: Path) -> AsyncIterator[Spawner]:
    agent_dir(tmp_path).mkdir()
    one = Spawner(tmp_path, Log())
    await one.open()
    yield one
    await asyncio.to_thread(end_spawner, tmp_path)
    await one.close(end=True)


def a_job(path: Path, *argv: str, hold: Hold | None = None) -> Job:
    return Job(
        argv=argv,
        env=dict(os.environ),
        cwd=path,
        log=path / "log",
        exit_file=path / "exit.json",
        hold=hold or Hold(),
    )


def _parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


async def test_a_process_is_in_its_groups_and_limits_before_it_runs_anything(
    spawner: Spawner, tmp_path: Path
) -> None:
    group = tmp_path / "group"
    group.mkdir()
    (group / "cgroup.procs").touch()
    hold = Hold(
        groups=(tmp_path / "none", group), limits=((resource.RLIMIT_FSIZE, 512 * 7, 512 * 7),)
    )
    job = a_job(tmp_path, "sh", "-c", "cat group/cgroup.procs; echo; ulimit -f", hold=hold)
    spawned = await spawner.spawn(job, lambda: None)
    async with asyncio.timeout(20):
        await spawned.told
    pid, most = (tmp_path / "log").read_text().split()
    assert int(pid) == spawned.pid
    assert int(most) * 512 <= 512 * 7 * 2


async def test_what_a_dead_agent_has_asked_for_is_not_done(
    spawner: Spawner, tmp_path: Path
) -> None:
    job = {
        "argv": ["touch", str(tmp_path / "done")],
        "env": {},
        "cwd": "/",
        "log": str(tmp_path / "log"),
        "exit_file": str(tmp_path / "exit.json"),
    }
    stays = await spawner.spawn(a_job(tmp_path, "sleep", "600"), lambda: None)
    own = _parent_of(stays.pid)
    os.kill(own, signal.SIGSTOP)
    try:
        with socket.socket(socket.AF_UNIX) as dead:
            dead.connect(str(spawner_path(tmp_path)))
            dead.sendall(frame({"id": 1, "spawn": job}))
    finally:
        os.kill(own, signal.SIGCONT)
    await (await spawner.spawn(a_job(tmp_path, "true"), lambda: None)).told
    await (await spawner.spawn(a_job(tmp_path, "true"), lambda: None)).told
    assert not (tmp_path / "done").exists()


async def test_a_spawner_that_has_lost_its_place_starts_nothing_more(
    spawner: Spawner, tmp_path: Path
) -> None:
    stays = await spawner.spawn(a_job(tmp_path, "sleep", "600"), lambda: None)
    before = _parent_of(stays.pid)
    spawner_path(tmp_path).unlink()
    second = await spawner.spawn(a_job(tmp_path, "sleep", "600"), lambda: None)
    try:
        assert _parent_of(second.pid) != before
    finally:
        os.kill(stays.pid, signal.SIGKILL)
    await wait_until(lambda: start_time_of(stays.pid) is None)


async def test_letting_go_of_a_spawner_with_children_takes_no_time(
    spawner: Spawner, tmp_path: Path
) -> None:
    await spawner.spawn(a_job(tmp_path, "sleep", "600"), lambda: None)
    begin = time.monotonic()
    await spawner.close(end=False)
    taken = time.monotonic() - begin
    await spawner.open()
    assert taken < 2
