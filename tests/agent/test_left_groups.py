"""What a killed agent leaves of control groups is removed by another one, and nothing else is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernelyard.agent.left_groups import clear_up, left
from kernelyard.agent.places import runtime_name
from kernelyard.agent.spawner.spawner import end_spawner
from kernelyard.model.records import RecordKind
from kernelyard.wire import link

from tests.support.agent_process import AgentProcess, of_kind, wait_until
from tests.support.groups import groups_of

LATER = 4e9
"""Seconds since 1970: everything is older."""


@pytest.fixture
async def other(tmp_path: Path) -> AsyncIterator[AgentProcess]:
    """A real agent, beside the usual one."""
    process = AgentProcess(tmp_path / "other")
    try:
        await process.start()
        yield process
    finally:
        await process.clean_up()


async def _kernel_in_groups(agent: AgentProcess) -> str:
    kernel = await agent.launch(memory_bytes_limit=2**30, milli_cpu_limit=1500, processes_limit=500)
    await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
    if not [one for one in groups_of(agent.data_dir) if (one / kernel).exists()]:
        pytest.skip("no control groups can be made here")
    return kernel


async def _kill(agent: AgentProcess, kernel: str) -> None:
    pid = agent.kernel_pid(kernel)
    agent.kill()
    await asyncio.to_thread(end_spawner, agent.data_dir)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    await wait_until(lambda: not Path(f"/proc/{pid}").exists())


async def test_groups_of_an_agent_that_is_gone_are_removed(
    agent: AgentProcess, other: AgentProcess
) -> None:
    kernel = await _kernel_in_groups(other)
    await _kernel_in_groups(agent)
    await _kill(other, kernel)
    places = groups_of(other.data_dir)
    beside = [one.with_name(runtime_name(agent.data_dir)) for one in places]
    # Its directory is there, and a later agent may ask how the kernel ended.
    assert not [one for one in left(beside, LATER) if one.name == kernel]
    shutil.rmtree(other.data_dir)
    mine = [one for one in left(beside, LATER) if one in places or one.parent in places]
    assert {one.name for one in mine} == {kernel, places[0].name}
    for one in mine:
        one.rmdir()
    assert groups_of(other.data_dir) == []
    assert groups_of(agent.data_dir)


async def test_what_is_in_use_is_left(agent: AgentProcess, other: AgentProcess) -> None:
    kernel = await _kernel_in_groups(other)
    pid = other.kernel_pid(kernel)
    others = groups_of(other.data_dir)
    beside = [one.with_name(runtime_name(agent.data_dir)) for one in others]
    assert not [one for one in left(beside, LATER) if one.name == kernel]
    for one in left(beside, LATER):
        if one in others:
            with pytest.raises(OSError, match="busy"):
                one.rmdir()
    assert others == groups_of(other.data_dir)
    held = [
        one for one in others if str(pid) in (one / kernel / "cgroup.procs").read_text().split()
    ]
    assert held == others


async def test_an_agent_whose_empty_group_was_taken_away_makes_it_anew(other: AgentProcess) -> None:
    await _kernel_in_groups(other)
    for kernel in [one.name for one in other.data_dir.glob("agent/kernels/*")]:
        await other.done(link.Stop(kernel, "enough"))
        await other.records(kernel)
    before = groups_of(other.data_dir)
    for one in before:
        one.rmdir()
    kernel = await _kernel_in_groups(other)
    pid = str(other.kernel_pid(kernel))
    assert groups_of(other.data_dir) == before
    for one in before:
        assert pid in (one / kernel / "cgroup.procs").read_text().split()


async def test_what_was_touched_of_late_is_left_and_names_of_others_are(tmp_path: Path) -> None:
    uid = os.geteuid()
    ours, theirs = (
        tmp_path / f"kernelyard-{uid}-{'0' * 12}",
        tmp_path / f"kernelyard-{uid}-{'1' * 12}",
    )
    of_another = tmp_path / f"kernelyard-{uid + 1}-{'1' * 12}"
    strange = tmp_path / f"kernelyard-{uid}-backup"
    for one in (ours, theirs, of_another, strange):
        one.mkdir()
    assert list(left([ours], 0)) == []
    assert list(left([ours], LATER)) == [theirs]
    (theirs / "kernel").mkdir()
    assert list(left([ours], LATER)) == [theirs]
    clearing = asyncio.create_task(clear_up([ours], 0, -LATER))
    (theirs / "kernel").rmdir()
    await wait_until(lambda: not theirs.exists())
    clearing.cancel()
    assert of_another.exists()
    assert strange.exists()
    assert ours.exists()
