"""A kernel that is forked before it is asked for becomes the one that is asked for, or leaves nothing."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from uuid import uuid4

import pytest

from kernelyard.agent.spawner.spawner import Hold
from kernelyard.providers.process_identity import start_time_of

from tests.support.agent_process import wait_until
from tests.support.forked_kernels import Nest
from tests.support.zygotes import is_alive

pytestmark = pytest.mark.parametrize("nest", [True], ids=["ahead"], indirect=True)


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def threads_of(pid: int) -> list[int]:
    return [int(one.name) for one in Path(f"/proc/{pid}/task").iterdir()]


def sockets_of(nest: Nest, token: str) -> list[str]:
    """What lies in a directory of the sockets of one that waits."""
    return [one.name for one in nest.path.iterdir() if one.name.startswith(token[:8])]


async def claimed(nest: Nest, token: str, number: int = 1) -> int:
    """Ask for a kernel, with the one that waits; return its process."""
    job, file = nest.job(number)
    kernel = nest.adopted(await nest.spawner.fork("z", job, file, ahead=token), file)
    assert await kernel.value("6 * 7") == 42
    return kernel.pid


async def test_the_one_that_waits_becomes_the_kernel_that_is_asked_for(nest: Nest) -> None:
    await nest.zygote()
    token, pid = await nest.waiting()
    spawner = parent_of(pid)
    assert await claimed(nest, token) == pid
    assert parent_of(pid) == spawner
    assert not sockets_of(nest, token)
    report = nest.spawner.zygotes["z"]
    assert (report.ahead, report.ahead_pid, report.forked) == ("", None, 1)


async def test_who_asks_for_another_gets_a_kernel_that_is_forked_now(nest: Nest) -> None:
    await nest.zygote()
    token, pid = await nest.waiting()
    assert await claimed(nest, "") != pid
    assert await claimed(nest, uuid4().hex, 2) != pid
    assert await claimed(nest, token, 3) == pid


async def test_who_asks_for_another_ahead_has_that_one_only(nest: Nest) -> None:
    await nest.zygote()
    token, pid = await nest.waiting()
    other, again = await nest.waiting()
    await wait_until(lambda: not is_alive(pid))
    assert await claimed(nest, token) not in (pid, again)
    assert await claimed(nest, other, 2) == again


async def test_one_that_has_ended_is_no_hindrance(nest: Nest) -> None:
    await nest.zygote()
    token, pid = await nest.waiting()
    os.kill(pid, signal.SIGKILL)
    assert await claimed(nest, token) != pid
    await nest.report("z", "ready")
    assert nest.spawner.zygotes["z"].ahead == ""


async def test_one_that_stands_still_is_ended_and_its_zygote_is_not(nest: Nest) -> None:
    zygote = await nest.zygote()
    token, pid = await nest.waiting()
    os.kill(pid, signal.SIGSTOP)
    assert await claimed(nest, token) != pid
    await wait_until(lambda: not is_alive(pid))
    assert is_alive(zygote.pid)


async def test_what_was_looked_up_before_must_be_the_same_in_the_kernel(nest: Nest) -> None:
    await nest.zygote()
    token, pid = await nest.waiting()
    job, file = nest.job(1, env={**os.environ, "JPY_SESSION_NAME": "/home/notes.ipynb"})
    kernel = nest.adopted(await nest.spawner.fork("z", job, file, ahead=token), file)
    assert kernel.pid != pid
    assert await kernel.value("__session__") == "/home/notes.ipynb"


async def test_what_it_has_said_while_it_waited_stands_in_the_log_of_its_kernel(nest: Nest) -> None:
    await nest.zygote()
    token, _ = await nest.waiting()
    await claimed(nest, token)
    said = (nest.path / "kernel-1" / "log").read_text()
    assert str(nest.path / "kernel-1" / "connection.json") in said
    assert "ahead" not in said


async def test_a_directory_that_is_not_there_is_told_as_ever(nest: Nest, tmp_path: Path) -> None:
    await nest.zygote()
    token, pid = await nest.waiting()
    job, file = nest.job(1, cwd=tmp_path / "gone")
    with pytest.raises(FileNotFoundError):
        await nest.spawner.fork("z", job, file, ahead=token)
    await wait_until(lambda: not is_alive(pid))


@pytest.mark.parametrize("whose", ["zygote", "spawner"])
async def test_it_ends_with_its_zygote_and_its_spawner(nest: Nest, whose: str) -> None:
    zygote = await nest.zygote()
    _, pid = await nest.waiting()
    killed = zygote.pid if whose == "zygote" else parent_of(pid)
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    await wait_until(lambda: not is_alive(pid))


async def test_it_ends_when_whoever_asked_for_it_goes_and_a_later_agent_hears_of_none(
    nest: Nest,
) -> None:
    await nest.zygote()
    _, pid = await nest.waiting()
    start_time = start_time_of(pid) or 0
    await nest.spawner.close(end=False)
    await nest.another().open()
    await wait_until(lambda: not is_alive(pid))
    assert nest.spawner.told_of(pid, start_time) is None
    assert (await nest.report("z", "ready")).ahead_pid is None
    token, again = await nest.waiting()
    assert await claimed(nest, token) == again


async def test_nothing_is_left_whenever_the_spawner_is_killed(nest: Nest) -> None:
    mark = uuid4().hex
    for number in range(6):
        name = f"z{number}"
        zygote = await nest.zygote(name=name, env={**os.environ, "YARD_MARK": mark})
        nest.think_ahead(uuid4().hex, name)
        for _ in range(number * 400):
            os.sched_yield()
        os.kill(parent_of(zygote.pid or 0), signal.SIGKILL)
        await wait_until(lambda: not marked(mark))
        await nest.spawner.close(end=False)
        await nest.another().open()


def marked(mark: str) -> list[str]:
    """Processes with this mark: a zygote, and what it has forked ahead."""
    found = []
    for place in Path("/proc").iterdir():
        try:
            seen = place.name.isdigit() and (place / "environ").read_bytes()
        except OSError:
            continue
        if seen and f"YARD_MARK={mark}\0".encode() in seen:
            found.append(place.name)
    return found


async def test_one_that_is_not_wanted_any_more_is_ended_however_it_is(nest: Nest) -> None:
    await nest.zygote()
    _, pid = await nest.waiting()
    os.kill(pid, signal.SIGSTOP)
    nest.spawner.forget_ahead("z")
    await wait_until(lambda: not is_alive(pid) and not nest.spawner.zygotes["z"].ahead)
    token, again = await nest.waiting()
    assert await claimed(nest, token) == again != pid


async def test_limits_hold_for_what_waited_before_any_code_of_users(nest: Nest) -> None:
    await nest.zygote()
    token, pid = await nest.waiting()
    nest.hold = Hold(limits=((7, 300, 300),))
    job, file = nest.job(1)
    kernel = nest.adopted(await nest.spawner.fork("z", job, file, ahead=token), file)
    assert kernel.pid == pid
    assert await kernel.value("list(__import__('resource').getrlimit(7))") == [300, 300]


async def test_it_waits_with_the_priority_that_a_kernel_has(nest: Nest) -> None:
    await nest.zygote()
    _, pid = await nest.waiting()
    own = os.getpriority(os.PRIO_PROCESS, 0)
    threads = threads_of(pid)
    assert len(threads) > 1
    assert {os.getpriority(os.PRIO_PROCESS, one) for one in threads} == {own}
