"""Limits of memory, processor, processes and files, and how an end for want of memory is told."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from kernelyard.agent import cgroups
from kernelyard.agent.cgroups import Group, Groups, Wish
from kernelyard.agent.enclosures import Enclosures
from kernelyard.agent.endings import MemoryFate, died
from kernelyard.agent.limits import Limits
from kernelyard.agent.logs import Log
from kernelyard.agent.spawner.spawner import Hold
from kernelyard.model.exits import ExitResult
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.records import EndCause
from kernelyard.wire import link

from tests.support.agent_process import AgentProcess, end_of, ended, last_body, says, stdout_of

GREEDY = """
print('begun', flush=True)
hoard = []
while True:
    hoard.append(b'x' * 10_000_000)
"""
MEMORY = 300 * 1024 * 1024
ORDER = LaunchOrder(kernel_id="k", attempt=1, provider="kernelspec", image="python3")


def may_make_groups(controller: str) -> bool:
    """Whether this machine lets us make control groups."""
    groups = Groups.find("kernelyard-test-of-access")
    try:
        return controller in groups.parents
    finally:
        groups.close()


async def test_want_of_memory_is_told_as_such(agent: AgentProcess) -> None:
    kernel = await agent.launch(memory_bytes_limit=MEMORY)
    await agent.submit(kernel, GREEDY)
    if not may_make_groups("memory"):
        # Then each process has a limit of its own, and the code meets an exception.
        records = await agent.records(kernel, until=ended(1))
        assert end_of(records, 1)["error"]["name"] == "MemoryError"
        return
    records = await agent.records(kernel)
    end = last_body(records)
    assert end["cause"] == "out_of_memory"
    assert str(end["reason"]).startswith(
        "killed for want of memory: it needed more than its 300 MiB"
    )
    assert (end_of(records, 1)["state"], end_of(records, 1)["cause"]) == ("lost", "out_of_memory")
    assert stdout_of(records, 1) == "begun\n"


async def test_an_end_for_want_of_memory_is_known_to_an_agent_that_comes_later(
    agent: AgentProcess,
) -> None:
    if not may_make_groups("memory"):
        pytest.skip("no control group can be made here")
    kernel = await agent.launch(memory_bytes_limit=MEMORY, restart_policy="on-death")
    slow = "import time\nprint('sleeps', flush=True)\ntime.sleep(1.5)\n"
    await agent.submit(kernel, slow + GREEDY)
    await agent.records(kernel, until=says("sleeps"))
    agent.kill()
    await agent.start()
    records = await agent.records(kernel, until=ended(1))
    assert end_of(records, 1)["cause"] == "out_of_memory"


async def test_a_file_may_not_grow_beyond_its_limit(agent: AgentProcess) -> None:
    kernel = await agent.launch(file_bytes_limit=1_000_000)
    await agent.submit(kernel, "open('big', 'wb').write(b'x' * 2_000_000)", "print('alive')")
    records = await agent.records(kernel, until=ended(2))
    assert end_of(records, 1)["error"]["name"] == "OSError"
    assert (agent.folder(kernel) / "work" / "big").stat().st_size <= 1_000_000
    assert stdout_of(records, 2) == "alive\n"


async def test_used_up_processor_time_ends_a_kernel_and_says_so(agent: AgentProcess) -> None:
    kernel = await agent.launch(cpu_seconds_limit=3)
    await agent.submit(kernel, "while True: pass")
    records = await agent.records(kernel)
    assert last_body(records)["cause"] == "quota"
    assert "processor time" in str(last_body(records)["reason"])
    assert end_of(records, 1)["state"] == "lost"


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="Linux only")
async def test_what_a_process_has_started_already_is_held_with_it() -> None:
    order = replace(ORDER, file_bytes_limit=4711)
    script = "sh -c 'sleep 600 & echo $!; wait' & wait"
    leader = subprocess.Popen(  # noqa: ASYNC220 - it takes a moment only
        ["sh", "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert leader.stdout is not None
    try:
        last = int(leader.stdout.readline())
        Limits(Groups("none"), Log()).hold(order, leader.pid)
        assert resource.prlimit(last, resource.RLIMIT_FSIZE) == (4711, 4711)
    finally:
        os.killpg(leader.pid, signal.SIGKILL)
        leader.wait()
        leader.stdout.close()


async def test_a_process_that_we_start_is_held_from_the_first(tmp_path: Path) -> None:
    limits = Limits(Groups.find("kernelyard-x", *a_tree(tmp_path)), Log())
    order = replace(ORDER, memory_bytes_limit=7, file_bytes_limit=9)
    group = tmp_path / "cgroup" / "user.slice" / "ours" / "kernelyard-x" / "k"
    assert limits.prepare(order) == Hold(groups=(group,), limits=((resource.RLIMIT_FSIZE, 9, 9),))


async def test_processes_are_limited_for_the_kernel_as_a_whole(agent: AgentProcess) -> None:
    if not may_make_groups("pids") and os.geteuid() == 0:
        pytest.skip("root is held by a control group only, and none can be made here")
    code = """
import subprocess
begun = []
try:
    for _ in range(200):
        begun.append(subprocess.Popen(['sleep', '60']))
except OSError as error:
    print(type(error).__name__, len(begun) < 100)
for one in begun:
    one.kill()
"""
    kernel = await agent.launch(processes_limit=60)
    await agent.submit(kernel, code)
    records = await agent.records(kernel, until=ended(1))
    assert stdout_of(records, 1) == "BlockingIOError True\n"


async def test_the_agent_tells_how_each_limit_is_held(agent: AgentProcess) -> None:
    reply = await agent.ask(link.Facts())
    assert isinstance(reply, link.FactList)
    facts = {fact.limit: fact for fact in reply.limits}
    assert {"memory_bytes_limit", "milli_cpu_limit", "processes_limit"} <= facts.keys()
    assert {"cpu_seconds_limit", "file_bytes_limit", "max_life_duration"} <= facts.keys()
    if may_make_groups("memory"):
        assert facts["memory_bytes_limit"].held_by.startswith("cgroup")
    assert all(fact.held_by or fact.remark for fact in reply.limits)


async def test_nothing_is_left_of_the_groups_of_ended_kernels(agent: AgentProcess) -> None:
    reply = await agent.ask(link.Facts())
    assert isinstance(reply, link.FactList)
    kernel = await agent.launch(memory_bytes_limit=MEMORY, milli_cpu_limit=1500)
    await agent.submit(kernel, "1")
    await agent.records(kernel, until=ended(1))
    made = [Path(fact.remark) for fact in reply.limits if fact.held_by.startswith("cgroup")]
    there = [place for root in made for place in root.glob(f"kernelyard-*/{kernel}")]
    assert len(there) >= len(
        [
            f
            for f in reply.limits
            if f.limit == "memory_bytes_limit" and f.held_by.startswith("cgroup")
        ]
    )
    await agent.done(link.Stop(kernel, "enough"))
    await agent.records(kernel)
    assert not any(place.exists() for place in there)


@pytest.mark.parametrize(
    ("how", "fate", "cause", "words"),
    [
        (
            ExitResult(signal="SIGKILL"),
            MemoryFate(killed=True, limit=2**30),
            "out_of_memory",
            "its 1 GiB",
        ),
        (ExitResult(), MemoryFate(killed=True), "out_of_memory", "for want of memory"),
        (ExitResult(out_of_memory=True), None, "out_of_memory", "for want of memory"),
        (ExitResult(code=1), MemoryFate(killed=True), "died", "had killed a process of it"),
        (
            ExitResult(signal="SIGKILL"),
            MemoryFate(killed=False, suspected=True),
            "died",
            "perhaps this one",
        ),
        (ExitResult(signal="SIGSEGV"), MemoryFate(killed=False, suspected=True), "died", "SIGSEGV"),
        (ExitResult(signal="SIGXCPU"), None, "quota", "processor time"),
    ],
)
def test_memory_is_named_where_it_is_known_and_suspected_where_it_may_be(
    how: ExitResult, fate: MemoryFate | None, cause: str, words: str
) -> None:
    end = died(how, "", fate)
    assert end.cause is EndCause(cause)
    assert words in end.reason
    assert end.exit is not None
    assert end.exit.out_of_memory == (cause == "out_of_memory")


def a_tree(path: Path, controllers: str = "cpu memory pids io") -> tuple[Path, Path]:
    """A make-believe control group of version 2: its mounts, and which group is ours."""
    root = path / "cgroup"
    ours = root / "user.slice" / "ours"
    ours.mkdir(parents=True)
    (ours / "cgroup.controllers").write_text(controllers)
    (ours / "cgroup.subtree_control").write_text("memory")
    mounts, own = path / "mounts", path / "own"
    mounts.write_text(f"proc /proc proc rw 0 0\ncgroup2 {root} cgroup2 rw,nosuid 0 0\n")
    own.write_text("0::/user.slice/ours\n")
    return mounts, own


def test_version_2_is_written_in_its_own_words(tmp_path: Path) -> None:
    mounts, own = a_tree(tmp_path)
    groups = Groups.find("kernelyard-x", mounts, own)
    ours = tmp_path / "cgroup" / "user.slice" / "ours"
    assert groups.version == 2
    assert set(groups.parents) == {"memory", "cpu", "pids"}
    assert (ours / "cgroup.subtree_control").read_text() == "+memory +cpu +pids"
    group = groups.make("k", Wish(memory_bytes=1000, milli_cpu=1500, processes=7))
    assert group == Group(2, dict.fromkeys(("memory", "cpu", "pids"), ours / "kernelyard-x" / "k"))
    place = ours / "kernelyard-x" / "k"
    told = {file.name: file.read_text() for file in place.iterdir()}
    assert told == {"memory.max": "1000", "cpu.max": "150000 100000", "pids.max": "7"}
    group.enter(4711)
    assert (place / "cgroup.procs").read_text() == "4711"
    (place / "memory.events").write_text("low 0\nhigh 0\nmax 9\noom 2\noom_kill 2\n")
    assert groups.find_again("k") == group
    assert group.memory_kills() == 2


def test_what_was_swept_and_made_again_by_others_holds_limits_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = Groups.find("kernelyard-x", *a_tree(tmp_path))
    parent = groups.parents["memory"]
    (parent / "cgroup.subtree_control").unlink()
    parent.rmdir()
    enclosed = parent / "k"
    enclosed.mkdir(parents=True)
    really = cgroups._limit

    def as_linux_does(version: int, controller: str, place: Path, wish: Wish) -> None:
        if not (place.parent / "cgroup.subtree_control").exists():
            raise PermissionError(errno.EACCES, "Permission denied")
        really(version, controller, place, wish)

    monkeypatch.setattr(cgroups, "_limit", as_linux_does)
    group = groups.make("k", Wish(memory_bytes=1000, milli_cpu=1500))
    assert group is not None
    assert (parent / "cgroup.subtree_control").read_text() == "+memory +cpu +pids"
    assert (enclosed / "memory.max").read_text() == "1000"
    assert (enclosed / "cpu.max").read_text() == "150000 100000"


async def test_a_group_that_was_busy_is_removed_later_by_the_name_it_was_given(
    tmp_path: Path,
) -> None:
    limiting, enclosing = tmp_path / "v1" / "token", tmp_path / "v2" / "token"
    for place in (limiting, enclosing):
        place.mkdir(parents=True)
    busy = limiting / "a process"
    busy.touch()
    groups = Groups("v1", 1, {"memory": limiting.parent})
    enclosures = Enclosures(enclosing.parent, {"k": "token"})
    limits = Limits(groups, Log(), enclosures)
    limits.release("k")
    assert limiting.exists()
    busy.unlink()
    limits.release("k")
    assert not limiting.exists()
    assert not enclosing.exists()
    assert enclosures.name_of("k") == "k"


def test_an_agent_that_was_moved_aside_finds_the_groups_of_the_one_before(tmp_path: Path) -> None:
    mounts, own = a_tree(tmp_path)
    before = Groups.find("kernelyard-x", mounts, own)
    own.write_text("0::/user.slice/ours/kernelyard-own\n")
    assert Groups.find("kernelyard-x", mounts, own) == before


@pytest.mark.parametrize("controllers", ["", "io cpuset"])
def test_without_delegated_controllers_nothing_is_held_and_it_is_said(
    tmp_path: Path, controllers: str
) -> None:
    groups = Groups.find("kernelyard-x", *a_tree(tmp_path, controllers))
    assert groups.parents == {}
    assert "may not be used" in groups.problem
    assert groups.make("k", Wish(memory_bytes=1)) is None


def test_a_system_without_control_groups_is_no_error(tmp_path: Path) -> None:
    groups = Groups.find("kernelyard-x", tmp_path / "none", tmp_path / "none")
    assert groups.parents == {}
    assert groups.problem == "this system has no control groups"
