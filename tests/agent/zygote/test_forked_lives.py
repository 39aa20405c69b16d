"""Forked kernels live and end as others do, whatever becomes of zygote and spawner."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from kernelyard.agent.spawner.spawner import Hold, NoZygote
from kernelyard.providers.process_identity import start_time_of

from tests.support.agent_process import wait_until
from tests.support.forked_kernels import SECONDS, ForkedKernel, Nest

pytestmark = pytest.mark.parametrize("nest", [False, True], ids=["asked", "ahead"], indirect=True)


async def told_end(kernel: ForkedKernel) -> tuple[int | None, int | None]:
    async with asyncio.timeout(SECONDS):
        end = await kernel.spawned.told
    assert end is not None
    kept = json.loads((kernel.place / "exit.json").read_text())
    assert (kept["code"], kept["signal"]) == (end.code, end.signal)
    return end.code, end.signal


def _parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _with_id(kernel_id: str) -> list[int]:
    found = []
    for place in Path("/proc").iterdir():
        try:
            seen = place.name.isdigit() and (place / "environ").read_bytes()
        except OSError:
            continue
        if seen and f"KERNELYARD_KERNEL_ID={kernel_id}".encode() in seen:
            found.append(int(place.name))
    return found


async def test_ends_are_told_as_they_were(nest: Nest) -> None:
    await nest.zygote()
    for number, (code, end) in enumerate(
        {
            "import os; os._exit(7)": (7, None),
            "import os, signal; os.kill(os.getpid(), signal.SIGKILL)": (None, 9),
            "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)": (None, 11),
        }.items()
    ):
        kernel = await nest.kernel(number)
        await kernel.run("1")
        asking = asyncio.create_task(kernel.run(code))
        assert await told_end(kernel) == end
        kernel.abandon()
        with pytest.raises(TimeoutError):
            await asking
    # A trace of the crash is where a kernel prints.
    assert "Segmentation fault" in (kernel.place / "log").read_text()


async def test_a_shutdown_runs_what_is_to_be_run_at_exit(nest: Nest) -> None:
    await nest.zygote()
    kernel = await nest.kernel(1)
    await kernel.run("import atexit; atexit.register(lambda: open('bye', 'w').close())")
    await kernel.control("shutdown_request", {"restart": False})
    assert await told_end(kernel) == (0, None)
    assert (kernel.place / "bye").exists()


async def test_an_interrupt_stops_a_cell(nest: Nest) -> None:
    await nest.zygote()
    kernel = await nest.kernel(1)
    await kernel.run("1")
    running = asyncio.create_task(kernel.run("open('runs', 'w').close()\nwhile True: pass"))
    await wait_until((kernel.place / "runs").exists)
    kernel.signal(signal.SIGINT)
    assert (await running).content["ename"] == "KeyboardInterrupt"


async def test_a_subshell_is_made(nest: Nest) -> None:
    await nest.zygote()
    kernel = await nest.kernel(1)
    await kernel.run("1")
    made = await kernel.control("create_subshell_request", {})
    assert made.content["status"] == "ok"


async def test_the_spawner_is_its_parent_and_the_zygote_is_not_needed(nest: Nest) -> None:
    zygote = await nest.zygote()
    kernel = await nest.kernel(1)
    assert zygote.pid is not None
    assert (await kernel.run("1")).content["status"] == "ok"
    assert _parent_of(kernel.pid) == _parent_of(zygote.pid)
    await nest.spawner.end_zygote("z")
    await nest.report("z", "ended")
    assert (await kernel.run("1")).content["status"] == "ok"
    with pytest.raises(NoZygote, match="the zygote is ended"):
        await nest.kernel(2)


async def test_a_kernel_is_in_its_group_and_under_its_limits(nest: Nest, tmp_path: Path) -> None:
    await nest.zygote()
    group = tmp_path / "group"
    group.mkdir()
    (group / "cgroup.procs").touch()
    nest.hold = Hold(groups=(group,), limits=((7, 300, 300),))
    kernel = await nest.kernel(1)
    assert await kernel.value("__import__('resource').getrlimit(7)") == [300, 300]
    assert int((group / "cgroup.procs").read_text()) == kernel.pid


async def test_what_the_system_refuses_is_told(nest: Nest, tmp_path: Path) -> None:
    await nest.zygote()
    job, file = nest.job(1)
    job.cwd.joinpath("log").mkdir()
    with pytest.raises(IsADirectoryError):
        await nest.spawner.fork("z", job, file)
    job, file = nest.job(2, cwd=tmp_path / "none")
    with pytest.raises(FileNotFoundError):
        await nest.spawner.fork("z", job, file)


async def test_another_environment_than_was_imported_with_is_not_forked(nest: Nest) -> None:
    await nest.zygote()
    with pytest.raises(NoZygote, match="OMP_NUM_THREADS"):
        await nest.kernel(1, env={**os.environ, "OMP_NUM_THREADS": "3"})


@pytest.mark.parametrize("after", [0, 1, 3, 8])
async def test_a_zygote_killed_while_it_forks_leaves_nothing_behind(nest: Nest, after: int) -> None:
    zygote = await nest.zygote()
    assert zygote.pid is not None
    os.kill(zygote.pid, signal.SIGSTOP)
    forks = []
    for number in range(3):
        job, file = nest.job(number)
        forks.append(asyncio.create_task(nest.spawner.fork("z", job, file)))
    await asyncio.sleep(0)
    os.kill(zygote.pid, signal.SIGCONT)
    for _ in range(after * 200):
        os.getppid()
    os.kill(zygote.pid, signal.SIGKILL)
    made = await asyncio.gather(*forks, return_exceptions=True)
    for number, one in enumerate(made):
        kernel_id = f"{number:036}"
        if isinstance(one, NoZygote):
            await wait_until(lambda of=kernel_id: not _with_id(of))
        else:
            assert not isinstance(one, BaseException), one
            assert _with_id(kernel_id) == [one.pid]
            os.kill(one.pid, signal.SIGKILL)


async def test_zygotes_end_with_the_spawner_and_kernels_live_on(nest: Nest) -> None:
    zygote = await nest.zygote()
    kernel = await nest.kernel(1)
    await kernel.run("1")
    assert zygote.pid is not None
    os.kill(_parent_of(kernel.pid), signal.SIGKILL)
    assert await kernel.spawned.told is None
    pid = zygote.pid
    await wait_until(lambda: start_time_of(pid) is None)
    assert (await kernel.run("1")).content["status"] == "ok"
    await nest.spawner.open()
    assert nest.spawner.zygotes["z"].state == "ended"
    os.kill(kernel.pid, signal.SIGKILL)
    await wait_until(lambda: start_time_of(kernel.pid) is None)
    kernel.abandon()


async def test_a_later_agent_is_told_of_zygotes(nest: Nest) -> None:
    first = await nest.zygote("json")
    kernel = await nest.kernel(1)
    await nest.spawner.close(end=False)
    later = nest.another()
    await later.open()
    known = later.zygotes["z"]
    assert (known.state, known.pid, known.preload) == ("ready", first.pid, ("json",))
    assert known.forked == 1
    assert start_time_of(kernel.pid) is not None


async def test_there_may_be_several_zygotes_and_none_twice(nest: Nest) -> None:
    one, two = await nest.zygote(name="one"), await nest.zygote(name="two")
    assert one.pid != two.pid
    with pytest.raises(FileExistsError):
        await nest.begin_zygote(name="one")
    first, second = await nest.kernel(1, zygote="one"), await nest.kernel(2, zygote="two")
    assert (await first.run("1")).content["status"] == "ok"
    assert (await second.run("1")).content["status"] == "ok"
