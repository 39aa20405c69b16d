"""What a kernel says while nobody reads is kept; and where it may have been dropped, that is said."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from kernelyard.agent.belongings import ProcessTable
from kernelyard.agent.launch.lossless import START, without_loss
from kernelyard.agent.standstill import Standstill
from kernelyard.model.projection import body_of
from kernelyard.model.records import Record, RecordKind
from kernelyard.wire import link

from tests.support.agent_process import (
    AgentProcess,
    end_of,
    ended,
    says,
    stdout_of,
    wait_until,
)

MANY = 6000
FLOOD = f"""
import time
print('begun', flush=True)
time.sleep(0.7)
for i in range({MANY}):
    print(i, flush=True)
open('done', 'w').close()
"""
ALL = "begun\n" + "".join(f"{i}\n" for i in range(MANY))


def pid_of(agent: AgentProcess) -> int:
    pid = agent.described()["pid"]
    assert isinstance(pid, int)
    return pid


def gaps(records: list[Record]) -> list[Record]:
    return [one for one in records if one.kind is RecordKind.GAP]


async def flooded_while_stopped(agent: AgentProcess, image: str) -> list[Record]:
    """Let a kernel print far more than ZeroMQ keeps, while its agent is stopped by a signal."""
    kernel = await agent.launch(image)
    await agent.submit(kernel, FLOOD)
    await agent.records(kernel, until=says("begun"))
    os.kill(pid_of(agent), signal.SIGSTOP)
    try:
        await wait_until((agent.folder(kernel) / "work" / "done").exists)
    finally:
        os.kill(pid_of(agent), signal.SIGCONT)
    return await agent.records(kernel, until=ended(1))


async def test_an_agent_that_stood_still_misses_nothing_of_ipykernel(agent: AgentProcess) -> None:
    records = await flooded_while_stopped(agent, "python3")
    assert stdout_of(records, 1) == ALL
    assert gaps(records) == []
    assert end_of(records, 1)["state"] == "succeeded"


@pytest.fixture
def own_start(tmp_path: Path) -> Path:
    """A place of kernelspecs with one that starts ipykernel in a way of its own."""
    script = tmp_path / "start.py"
    script.write_text("from ipykernel import kernelapp\nkernelapp.launch_new_instance()\n")
    spec = tmp_path / "jupyter" / "kernels" / "own"
    spec.mkdir(parents=True)
    argv = [sys.executable, str(script), "-f", "{connection_file}"]
    about = {"argv": argv, "display_name": "Own", "language": "python"}
    (spec / "kernel.json").write_text(json.dumps(about))
    return tmp_path / "jupyter"


async def test_of_another_kernel_it_may_and_says_so(tmp_path: Path, own_start: Path) -> None:
    agent = AgentProcess(tmp_path / "data", env={"JUPYTER_PATH": str(own_start)})
    try:
        await agent.start()
        records = await flooded_while_stopped(agent, "own")
        assert stdout_of(records, 1) == ALL or gaps(records)
        # Its idle mark may have been dropped, too; then a second gap tells of that.
        gap, *_ = gaps(records)
        told = body_of(gap)
        assert int(told["to"]) - int(told["from"]) > 1_000_000
        assert gap.seq == 1
    finally:
        await agent.clean_up()


async def test_a_restart_of_the_agent_does_not_forget_which_kernels_drop_nothing(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, "1")
    await agent.records(kernel, until=ended(1))
    agent.kill()
    await agent.start()
    await agent.submit(kernel, FLOOD, first=2)
    records = await agent.records(kernel, until=says("begun"))
    os.kill(pid_of(agent), signal.SIGSTOP)
    await wait_until((agent.folder(kernel) / "work" / "done").exists)
    os.kill(pid_of(agent), signal.SIGCONT)
    records = await agent.records(kernel, until=ended(2))
    assert stdout_of(records, 2) == ALL
    assert gaps([one for one in records if one.seq == 2]) == []


@pytest.mark.parametrize(
    ("argv", "ours"),
    [
        (["python", "-m", "ipykernel_launcher", "-f", "x"], ["python", str(START), "-f", "x"]),
        (
            ["python3", "-X", "utf8", "-Wignore", "-m", "ipykernel", "-f", "x"],
            ["python3", "-X", "utf8", "-Wignore", str(START), "-f", "x"],
        ),
        (["python", "-m", "bash_kernel", "-f", "x"], None),
        (["R", "--slave", "-e", "IRkernel::main()", "--args", "x"], None),
        (["env", "python", "-m", "ipykernel_launcher", "-f", "x"], None),
        (["python"], None),
    ],
)
def test_only_ipykernels_own_start_is_replaced(argv: list[str], ours: list[str] | None) -> None:
    assert without_loss(argv) == ((argv, False) if ours is None else (ours, True))


async def test_the_kernel_is_the_same_as_if_it_had_been_started_the_usual_way(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch()
    code = """
import sys, __main__
print(sys.argv[0].endswith('ipykernel_launcher.py'), __main__.__name__)
print([name for name in ('os', 'bind', 'bind_without_limit', 'find_spec') if name in globals()])
print(any('kernelyard' in path for path in sys.path), len(In) > 0)
"""
    await agent.submit(kernel, code)
    records = await agent.records(kernel, until=ended(1))
    assert stdout_of(records, 1) == "True __main__\n[]\nFalse True\n"


async def test_a_damaged_history_file_keeps_no_kernel_from_starting(tmp_path: Path) -> None:
    profile = tmp_path / "ipython" / "profile_default"
    profile.mkdir(parents=True)
    (profile / "history.sqlite").write_bytes(b"SQLite format 3\0" + b"\xff" * 8192)
    agent = AgentProcess(tmp_path / "data", env={"IPYTHONDIR": str(tmp_path / "ipython")})
    try:
        await agent.start()
        kernel = await agent.launch()
        await agent.submit(kernel, "print(6 * 7)")
        records = await agent.records(kernel, until=ended(1))
        assert stdout_of(records, 1) == "42\n"
    finally:
        await agent.clean_up()


async def test_a_standstill_is_told_before_anything_else_is_heard() -> None:
    still = Standstill()
    told: list[tuple[int, int]] = []
    still.tell = lambda begin, end: told.append((begin, end))
    with still:
        still.look()
        assert told == []
        still._seen -= 5.0
        still._seen_at -= 5_000_000
        still.look()
        still.look()
    ((begin, end),) = told
    assert 4_900_000 < end - begin < 7_000_000


class FullDisk:
    """A disk without space for an agent: it may make no file longer than it is now."""

    def __init__(self, agent: AgentProcess) -> None:
        self._pid = pid_of(agent)

    def fill(self) -> None:
        _, hard = resource.prlimit(self._pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (0, hard))

    def clear(self) -> None:
        _, hard = resource.prlimit(self._pid, resource.RLIMIT_FSIZE)
        resource.prlimit(self._pid, resource.RLIMIT_FSIZE, (hard, hard))


RUN = "open('runs', 'a').write('x')\nprint('ran')"
FIRST = """
import time
print('begun', flush=True)
time.sleep(0.5)
print('end')
open('first', 'w').close()
"""


async def heard_on(agent: AgentProcess, kernel: str) -> None:
    """Give an agent time to hear that the first task has ended, and to begin what it should not."""
    await wait_until((agent.folder(kernel) / "work" / "first").exists)
    for _ in range(200):
        await agent.ask(link.Hello())


@pytest.mark.parametrize("end", ["kill", "terminate"])
async def test_on_a_full_disk_nothing_is_begun_that_a_later_agent_would_begin_again(
    agent: AgentProcess, end: str
) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, FIRST, RUN, RUN)
    await agent.records(kernel, until=says("begun"))
    FullDisk(agent).fill()
    await heard_on(agent, kernel)
    getattr(agent, end)()
    await agent.start()
    records = await agent.records(kernel, until=ended(3))
    assert [end_of(records, seq)["state"] for seq in (2, 3)] == ["succeeded", "succeeded"]
    assert (agent.folder(kernel) / "work" / "runs").read_text() == "xx"


async def test_the_queue_goes_on_when_there_is_space_again(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    disk = FullDisk(agent)
    await agent.submit(kernel, FIRST, RUN, RUN)
    await agent.records(kernel, until=says("begun"))
    disk.fill()
    await heard_on(agent, kernel)
    assert not (agent.folder(kernel) / "work" / "runs").exists()
    disk.clear()
    records = await agent.records(kernel, until=ended(3))
    assert stdout_of(records, 1) == "begun\nend\n"
    assert (agent.folder(kernel) / "work" / "runs").read_text() == "xx"
    assert gaps(records) == []


async def test_a_kernel_that_was_forgotten_is_not_started_by_a_late_order(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch()
    await agent.done(link.Forget(kernel))
    await agent.launch(kernel_id=kernel)
    await agent.done(link.Stop(kernel, "late"))
    assert not agent.folder(kernel).exists()


async def test_a_restart_waits_for_space_and_leaves_no_process_behind(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, "1")
    await agent.records(kernel, until=ended(1))
    table = ProcessTable()
    disk = FullDisk(agent)
    disk.fill()
    await agent.done(link.Restart(kernel, 2, "asked"))
    await wait_until(lambda: not table.processes_of(kernel, fresh=True))
    disk.clear()
    await agent.submit(kernel, "print('again')", first=2)
    records = await agent.records(kernel, until=ended(2))
    assert stdout_of(records, 2) == "again\n"
    assert len(table.processes_of(kernel, fresh=True)) == 1


async def test_a_kernel_that_died_on_a_full_disk_is_back_when_there_is_space(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch(restart_policy="on-death")
    await agent.submit(kernel, "import time\nprint('begun', flush=True)\ntime.sleep(600)", RUN)
    await agent.records(kernel, until=says("begun"))
    disk, table = FullDisk(agent), ProcessTable()
    disk.fill()
    for pid in table.processes_of(kernel, fresh=True):
        os.kill(pid, signal.SIGKILL)
    await wait_until(lambda: not table.processes_of(kernel, fresh=True))
    disk.clear()
    records = await agent.records(kernel, until=ended(2))
    assert end_of(records, 1)["cause"] == "died"
    assert "SIGKILL" in str(end_of(records, 1)["reason"])
    assert stdout_of(records, 2) == "ran\n"


async def test_a_stop_that_cannot_be_written_down_is_not_said_to_be_done(
    agent: AgentProcess,
) -> None:
    disk, kernel = FullDisk(agent), str(uuid4())
    disk.fill()
    reply = await agent.ask(link.Stop(kernel, "never came here"))
    assert isinstance(reply, link.Fault)
    assert reply.code == "storage_full"
    disk.clear()
    await agent.done(link.Stop(kernel, "never came here"))
    records = await agent.records(kernel)
    assert [one.kind for one in records] == [RecordKind.KERNEL_ENDED]
