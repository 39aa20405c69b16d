"""Whatever a zygote does, its spawner lives on; and it is ended only for faults of its own."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from kernelyard.agent.logs import Log
from kernelyard.agent.spawner import children, offspring, program
from kernelyard.agent.spawner.nursery import Nursery
from kernelyard.agent.spawner.spawner import NoZygote
from kernelyard.agent.zygote.nursery import Nursery as Tended

from tests.support.agent_process import wait_until
from tests.support.forked_kernels import Nest
from tests.support.scripted_spawner import ScriptedSpawner
from tests.support.zygotes import is_alive

SAYS = """#!{python}
import os, socket
end = socket.socket(fileno=os.dup(0))
end.sendall(b'''{said}''')
while end.recv(4096):
    pass
"""


def a_program(path: Path, text: str) -> str:
    program = path / "program"
    program.write_text(text)
    program.chmod(0o700)
    return str(program)


async def test_an_interpreter_that_ends_at_once_ends_no_spawner(nest: Nest) -> None:
    for number in range(10):
        report = await nest.zygote(name=f"z{number}", python="/bin/true")
        assert report.state == "unfit"
    assert (await nest.zygote(name="good")).state == "ready"


class LateChildren:
    """Starts processes as the spawner does, and gets its turn again only when they have ended."""

    Child = children.Child
    keep = staticmethod(children.keep)

    @staticmethod
    def start(job: dict[str, Any]) -> int:
        pid = children.start(job)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        return pid


def test_one_that_has_ended_before_it_is_told_anything_is_taken_leave_of(tmp_path: Path) -> None:
    earlier = signal.set_wakeup_fd(-1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "s"))
        nursery = Nursery(program.Spawner(listener), LateChildren, offspring)
        signal.set_wakeup_fd(earlier)
        job = {
            "name": "z",
            "argv": ["/bin/true"],
            "env": {},
            "cwd": str(tmp_path),
            "log": str(tmp_path / "log"),
            "exit_file": str(tmp_path / "exit"),
            "preload": [],
        }
        pid = nursery.start(job)["pid"]
        os.waitpid(pid, 0)
        assert nursery.ended(pid, {"code": 0, "signal": None})
    assert [one["state"] for one in nursery.reports] == ["unfit"]
    assert nursery.pids == set()


async def test_a_large_environment_is_told_to_one_that_does_not_listen_yet(nest: Nest) -> None:
    env = {**os.environ, **{f"LONG_{number}": "x" * 60_000 for number in range(8)}}
    assert (await nest.zygote(env=env)).state == "ready"


async def test_what_a_zygote_may_not_say_is_not_passed_on(nest: Nest, tmp_path: Path) -> None:
    said = '{"state": "hungry", "modules": "many"}\\n{"state": "unfit", "reason": "no"}\\n'
    text = SAYS.format(python=sys.executable, said=said)
    report = await nest.zygote(python=a_program(tmp_path, text))
    assert (report.state, report.reason, report.modules) == ("unfit", "no", 0)


async def test_a_zygote_that_stands_still_is_ended_and_to_blame(nest: Nest) -> None:
    zygote = await nest.zygote()
    assert zygote.pid is not None
    os.kill(zygote.pid, signal.SIGSTOP)
    job, file = nest.job(1)
    with pytest.raises(NoZygote, match="nothing was forked") as refused:
        await nest.spawner.fork("z", job, file, seconds=0.1)
    assert not refused.value.blame
    job, file = nest.job(2)
    with pytest.raises(NoZygote, match="nothing was forked") as refused:
        await nest.spawner.fork("z", job, file, seconds=2.1)
    assert refused.value.blame
    assert (await nest.report("z", "ended")).reason == "it ended (SIGKILL)"


async def test_many_forks_at_once_wait_for_their_turn(nest: Nest) -> None:
    zygote = await nest.zygote()
    assert zygote.pid is not None
    os.kill(zygote.pid, signal.SIGSTOP)
    forks = []
    for number in range(320):
        job, file = nest.job(number, cwd=Path("/nowhere"))
        forks.append(asyncio.create_task(nest.spawner.fork("z", job, file)))
    for _ in range(5):
        await asyncio.sleep(0)
    os.kill(zygote.pid, signal.SIGCONT)
    made = await asyncio.gather(*forks, return_exceptions=True)
    assert {type(one) for one in made} <= {FileNotFoundError, NoZygote}
    assert [one for one in made if isinstance(one, FileNotFoundError)]
    assert not [one for one in made if isinstance(one, NoZygote) and "asked" in str(one)]
    assert nest.spawner.zygotes["z"].state == "ready"


async def test_what_fails_in_one_kernel_is_no_fault_of_its_zygote(nest: Nest) -> None:
    await nest.zygote()
    job, file = nest.job(1, cwd=Path("/a\0b"))
    with pytest.raises(NoZygote, match="ValueError") as refused:
        await nest.spawner.fork("z", job, file)
    assert not refused.value.blame
    assert (await (await nest.kernel(2)).run("1")).content["status"] == "ok"
    assert nest.spawner.zygotes["z"].state == "ready"


def children_of(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def test_no_trial_outlives_its_zygote(nest: Nest, tmp_path: Path) -> None:
    (tmp_path / "endless.py").write_text("import threading\nthreading.Event().wait()")
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    option = "--IPKernelApp.outstream_class=endless.Stream"
    zygote = await nest.begin_zygote(env=env, options=[option])
    await wait_until(lambda: len(children_of(zygote.pid)) == 2)
    tried = children_of(zygote.pid)
    os.kill(zygote.pid, signal.SIGKILL)
    await wait_until(lambda: not any(map(is_alive, tried)))
    # Where the agent clears up.
    assert (tmp_path / "z.trial").is_dir()


def test_what_a_broken_off_trial_has_left_is_removed(tmp_path: Path) -> None:
    home = tmp_path / "zygotes"
    left = home / "z.trial"
    left.mkdir(parents=True)
    (left / "begun.json").touch()
    Tended(home, ScriptedSpawner(), 1.0, Log()).sweep(set())
    assert list(home.iterdir()) == []
