"""Nothing that a kernel has started outlives it, however well it hides."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

import pytest

from kernelyard.agent.enclosures import Enclosures
from kernelyard.providers.process_identity import start_time_of
from kernelyard.wire import link

from tests.support.agent_process import AgentProcess, ended, stdout_of, wait_until

NAME = "kernelyard-test-of-enclosures"


def may_enclose() -> bool:
    """Whether groups can be made here."""
    enclosures = Enclosures.find(NAME)
    enclosures.close()
    return enclosures.parent is not None


async def test_what_hides_from_the_table_of_processes_ends_with_its_kernel(
    agent: AgentProcess,
) -> None:
    if not may_enclose():
        pytest.skip("no control group of version 2 can be made here")
    kernel = await agent.launch()
    code = (
        "import subprocess, sys\n"
        "hidden = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], "
        "env={}, start_new_session=True)\n"
        "print(hidden.pid)"
    )
    await agent.submit(kernel, code)
    hidden = int(stdout_of(await agent.records(kernel, until=ended(1)), 1))
    assert start_time_of(hidden) is not None
    await agent.done(link.Stop(kernel, "enough"))
    await agent.records(kernel)
    await wait_until(lambda: start_time_of(hidden) is None)


def test_there_are_none_where_the_system_has_no_groups_of_that_sort(tmp_path: Path) -> None:
    mounts, own = tmp_path / "mounts", tmp_path / "own"
    mounts.write_text("cgroup /sys/fs/cgroup/memory cgroup rw,memory 0 0\n")
    own.write_text("4:memory:/\n")
    nowhere = Enclosures.find(NAME, mounts, own)
    assert nowhere == Enclosures.find(NAME, tmp_path / "none", own) == Enclosures()
    nowhere.enter("k", os.getpid())
    nowhere.end("k")
    nowhere.sweep([])
    assert nowhere.remove("k")
    nowhere.close()


def test_a_system_that_cannot_kill_a_group_gets_none(tmp_path: Path) -> None:
    mounts, own = tmp_path / "mounts", tmp_path / "own"
    (tmp_path / "tree").mkdir()
    mounts.write_text(f"cgroup2 {tmp_path / 'tree'} cgroup2 rw 0 0\n")
    own.write_text("0::/\n")
    assert Enclosures.find(NAME, mounts, own) == Enclosures()
    assert list((tmp_path / "tree").iterdir()) == []


def test_a_group_that_was_made_before_becomes_that_of_a_kernel() -> None:
    if not may_enclose():
        pytest.skip("no control group of version 2 can be made here")
    name = f"{NAME}-{uuid4().hex}"
    enclosures = Enclosures.find(name)
    try:
        place = enclosures.make("made-before")
        assert place is not None
        assert enclosures.give("made-before", "kernel")
        assert enclosures.make("kernel") == place
        assert enclosures.make("other") != place
        enclosures.make("next")
        assert not enclosures.give("next", "kernel"), "it has one"
        assert not enclosures.give("next", "other"), "it has one of its own"
        assert not enclosures.give("none", "third"), "there is no such group"

        later = Enclosures.find(name)
        assert later.make("kernel") == place
        later.sweep(["kernel"])
        assert [one.name for one in place.parent.iterdir() if one.is_dir()] == ["made-before"]
        assert later.remove("kernel")
        assert not place.exists()
        assert later.make("kernel") == place.with_name("kernel")
    finally:
        enclosures.sweep([])
        enclosures.close()
