"""Forked kernels are made in their control group, where the system can do that; else they move there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import pytest

from kernelyard.agent.cgroups import put_into
from kernelyard.agent.enclosures import Enclosures
from kernelyard.agent.spawner import children
from kernelyard.agent.spawner.spawner import Hold

from tests.support.agent_process import SECONDS, wait_until
from tests.support.forked_kernels import Nest

NAME = "kernelyard-test-of-groups"
TWICE = """
import os, sys
from kernelyard.agent.zygote.cloning import fork_into
group = os.open(sys.argv[1], os.O_RDONLY)
pid = fork_into(group)
if pid is None:
    print("refused")
elif pid:
    os.waitpid(pid, 0)
elif inner := os.fork():
    os.waitpid(inner, 0)
    os._exit(0)
else:
    print(os.getpid(), open("/proc/self/cgroup").read(), flush=True)
    os._exit(0)
"""


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group of version 2 that nothing is in."""
    enclosures = Enclosures.find(NAME)
    place = enclosures.make(uuid4().hex)
    if place is None:
        pytest.skip("no control group of version 2 can be made here")
    try:
        yield place
    finally:
        enclosures.end(place.name)
        until = time.monotonic() + SECONDS
        while not enclosures.remove(place.name) and time.monotonic() < until:
            os.sched_yield()
        enclosures.close()


def processes_in(place: Path) -> list[str]:
    """The processes of a group."""
    return (place / "cgroup.procs").read_text().split()


def open_files(pid: int | None) -> list[str]:
    """What a process has open."""
    found = []
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found.append(str(one.readlink()))
    return found


def forked_twice(place: Path) -> str:
    """What is said by a process whose parent was made in a group."""
    done = subprocess.run(
        [sys.executable, "-c", TWICE, str(place)], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_what_is_forked_into_a_group_is_there_at_once(group: Path) -> None:
    said = forked_twice(group)
    if "refused" in said:
        pytest.skip("this system makes no process in a group")
    assert f"/{NAME}/{group.name}" in said


def test_a_fork_into_what_is_no_group_is_refused(tmp_path: Path) -> None:
    assert forked_twice(tmp_path).strip() == "refused"


async def test_a_forked_kernel_is_in_its_group_and_answers(nest: Nest, group: Path) -> None:
    await nest.zygote()
    nest.hold = Hold(groups=(group,))
    kernel = await nest.kernel(1)
    assert processes_in(group) == [str(kernel.spawned.pid)]
    assert await kernel.value("6 * 7") == 42
    kernel.signal(signal.SIGKILL)
    kernel.abandon()


async def test_a_kernel_that_cannot_be_made_in_its_group_is_forked_all_the_same(
    nest: Nest, tmp_path: Path
) -> None:
    no_group = tmp_path / "no-group"
    no_group.mkdir()
    (no_group / "cgroup.controllers").touch()
    await nest.zygote()
    nest.hold = Hold(groups=(no_group,))
    kernel = await nest.kernel(1)
    assert await kernel.value("6 * 7") == 42


async def test_a_kernel_is_forked_into_a_group_of_which_all_was_killed_before(
    nest: Nest, group: Path
) -> None:
    await nest.zygote()
    nest.hold = Hold(groups=(group,))
    for number in range(1, 6):
        kernel = await nest.kernel(number)
        assert processes_in(group) == [str(kernel.pid)]
        assert await kernel.value("6 * 7") == 42
        (group / "cgroup.kill").write_text("1")
        kernel.abandon()
        await wait_until(lambda: not processes_in(group))


async def test_neither_zygote_nor_spawner_keep_the_group_open(nest: Nest, group: Path) -> None:
    zygote = await nest.zygote()
    nest.hold = Hold(groups=(group,))
    kernel = await nest.kernel(1)
    assert await kernel.value("6 * 7") == 42
    for pid in (zygote.pid, kernel.spawned.pid, os.getpid()):
        assert str(group) not in open_files(pid)
    kernel.signal(signal.SIGKILL)
    kernel.abandon()
    await wait_until(lambda: not processes_in(group))


def test_only_groups_of_version_2_can_be_made_in(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    (new / "cgroup.controllers").touch()
    assert children.open_group([]) is None
    assert children.open_group([str(old), str(tmp_path / "gone")]) is None
    opened = children.open_group([str(old), str(new)])
    assert opened is not None
    try:
        assert Path(f"/proc/self/fd/{opened}").readlink() == new
    finally:
        os.close(opened)


@pytest.mark.parametrize("enter", [put_into, lambda place, _: children.hold([str(place)], [])])
def test_nobody_is_moved_to_where_he_is(tmp_path: Path, enter: object) -> None:
    assert callable(enter)
    procs = tmp_path / "cgroup.procs"
    here = f"1\n{os.getpid()}\n"
    procs.write_text(here)
    enter(tmp_path, os.getpid())
    assert procs.read_text() == here
    procs.write_text("")
    enter(tmp_path, os.getpid())
    assert procs.read_text() == str(os.getpid())
