"""A kernel's process: how it ended is told truthfully, and nothing of it stays behind."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvloop

from kernelyard.agent.launch.processes import KernelProcess
from kernelyard.agent.logs import Log
from kernelyard.agent.spawner.spawner import Job, Spawner
from kernelyard.model.exits import ExitResult
from kernelyard.providers.process_identity import boot_id, start_time_of

WAITS = "import sys; print('up', flush=True); sys.stdin.close(); import signal; signal.pause()"


class Nursery:
    """Starts processes, and ends those that a test leaves."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.log = place / "kernel.log"
        self.started: list[KernelProcess] = []
        (place / "agent").mkdir()
        self.spawner = Spawner(place, Log())

    async def python(self, code: str, **env: str) -> KernelProcess:
        return await self.program([sys.executable, "-c", code], **env)

    async def program(self, argv: list[str], **env: str) -> KernelProcess:
        exit_file = self.place / f"exit-{len(self.started)}.json"
        job = Job(
            argv=argv,
            env={**os.environ, **env},
            cwd=self.place,
            log=self.log,
            exit_file=exit_file,
        )
        process = KernelProcess.of(await self.spawner.spawn(job, lambda: None), exit_file)
        self.started.append(process)
        return process

    def adopt(self, pid: int, start_time: int, boot: str) -> KernelProcess | None:
        return KernelProcess.adopt(pid, start_time, boot, exit_file=self.place / "exit.json")

    async def says(self, word: str) -> None:
        async with asyncio.timeout(20):
            while not (self.log.exists() and word in self.log.read_text()):
                await asyncio.to_thread(self.log.exists)

    async def close(self) -> None:
        for process in self.started:
            process.signal(signal.SIGKILL)
        await asyncio.gather(*(process.wait() for process in self.started))
        await self.spawner.close(end=True)


@pytest.fixture
async def nursery(tmp_path: Path) -> AsyncIterator[Nursery]:
    nursery = Nursery(tmp_path)
    yield nursery
    await nursery.close()


How = tuple[int | None, str | None]


def how(exit_: ExitResult | None) -> How:
    """Code and signal of an end."""
    assert exit_ is not None
    return exit_.code, exit_.signal


async def ended(process: KernelProcess) -> How:
    """Code and signal with which a process ends."""
    async with asyncio.timeout(20):
        return how(await process.wait())


@pytest.mark.parametrize("code", [0, 3, 255])
async def test_an_exit_code_is_told(nursery: Nursery, code: int) -> None:
    assert await ended(await nursery.python(f"import os; os._exit({code})")) == (code, None)


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGSEGV"])
async def test_a_signal_is_told_by_name(nursery: Nursery, name: str) -> None:
    process = await nursery.python(f"import os, signal; os.kill(os.getpid(), signal.{name})")
    assert await ended(process) == (None, name)
    assert (await process.wait()).sentence() == f"killed by {name}"


def test_every_end_has_its_sentence() -> None:
    assert ExitResult(code=3).sentence() == "exited by itself with code 3"
    assert ExitResult(code=0).sentence() == "exited by itself with code 0"
    assert ExitResult(signal="SIGKILL").sentence() == "killed by SIGKILL"
    assert ExitResult().sentence() == "ended; its exit code is not known"
    assert ExitResult(reason="its pod was evicted").sentence() == "its pod was evicted"


async def test_several_may_wait_and_one_may_stop_waiting(nursery: Nursery) -> None:
    process = await nursery.python(WAITS)
    waiting = [asyncio.create_task(process.wait()) for _ in range(3)]
    await nursery.says("up")
    waiting[0].cancel()
    process.signal(signal.SIGKILL)
    async with asyncio.timeout(20):
        first, second = await asyncio.gather(*waiting[1:])
        assert first is second
        assert how(first) == (None, "SIGKILL")
    assert waiting[0].cancelled()


async def test_waiting_may_begin_again_after_all_have_stopped(nursery: Nursery) -> None:
    process = await nursery.python(WAITS)
    waiting = asyncio.create_task(process.wait())
    await nursery.says("up")
    waiting.cancel()
    await asyncio.wait({waiting})
    assert await process.poll() is None
    process.signal(signal.SIGTERM)
    assert await ended(process) == (None, "SIGTERM")
    assert await ended(process) == (None, "SIGTERM")


async def test_the_end_is_seen_without_waiting(nursery: Nursery) -> None:
    process = await nursery.python("raise SystemExit(4)")
    async with asyncio.timeout(20):
        while await process.poll() is None:
            await asyncio.to_thread(start_time_of, process.pid)
    assert how(await process.poll()) == (4, None)


def test_it_works_under_uvloop(tmp_path: Path) -> None:
    async def scene() -> list[How]:
        nursery = Nursery(tmp_path)
        killed, quitting = await nursery.python(WAITS), await nursery.python("raise SystemExit(7)")
        await nursery.says("up")
        killed.signal(signal.SIGKILL)
        hows = [await ended(killed), await ended(quitting)]
        await nursery.close()
        return hows

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(scene()) == [(None, "SIGKILL"), (7, None)]


async def test_where_there_are_no_descriptors_it_asks_now_and_then(
    nursery: Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    process = await nursery.python(WAITS)
    waiting = asyncio.create_task(process.wait())
    await nursery.says("up")
    process.signal(signal.SIGTERM)
    async with asyncio.timeout(20):
        assert how(await waiting) == (None, "SIGTERM")


async def test_a_process_leaves_no_zombie(nursery: Nursery) -> None:
    process = await nursery.python("pass")
    await ended(process)
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


async def test_a_signal_reaches_the_whole_group(nursery: Nursery) -> None:
    child = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1]]); "
    process = await nursery.program(
        [sys.executable, "-c", child + WAITS, WAITS.replace("up", "child")]
    )
    await nursery.says("up")
    await nursery.says("child")
    process.signal(signal.SIGKILL)
    await ended(process)
    await gone_group(process.pid)
    assert not group(process.pid)


async def test_what_it_leaves_in_its_group_is_killed_when_it_ends(nursery: Nursery) -> None:
    code = (
        "import subprocess, sys, os; "
        "p = subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdout=subprocess.PIPE); "
        "p.stdout.readline(); os._exit(3)"
    )
    process = await nursery.program([sys.executable, "-c", code, WAITS])
    assert await ended(process) == (3, None)
    await gone_group(process.pid)
    assert not group(process.pid)


async def test_a_signal_to_an_ended_process_is_no_error(nursery: Nursery) -> None:
    process = await nursery.python("pass")
    await ended(process)
    process.signal(signal.SIGKILL)
    assert how(await process.poll()) == (0, None)


async def test_a_signal_just_after_the_end_is_no_error(nursery: Nursery) -> None:
    process = await nursery.python("pass")
    process.signal(signal.SIGINT)
    assert await ended(process) in ((0, None), (None, "SIGINT"), (1, None))


async def test_it_leads_a_session_of_its_own_and_reads_nothing(nursery: Nursery) -> None:
    code = "import os, sys; print(os.getsid(0) == os.getpid(), repr(sys.stdin.read()), os.getcwd())"
    await ended(await nursery.python(code))
    assert nursery.log.read_text().split() == ["True", "''", str(nursery.place.resolve())]


async def test_its_output_is_appended_to_a_private_log(nursery: Nursery) -> None:
    for word in ("first", "second"):
        await ended(
            await nursery.python(f"import sys; print('{word}'); print('{word}!', file=sys.stderr)")
        )
    assert sorted(nursery.log.read_text().split()) == ["first", "first!", "second", "second!"]
    assert stat.S_IMODE(nursery.log.stat().st_mode) == 0o600


async def test_a_log_that_is_a_link_is_refused(nursery: Nursery) -> None:
    nursery.log.symlink_to(nursery.place / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        await nursery.python("pass")
    assert not (nursery.place / "elsewhere").exists()


async def test_files_that_we_hold_open_are_not_passed_on(nursery: Nursery) -> None:
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    try:
        code = (
            f"import os\ntry: os.fstat({writing}); print('open')\nexcept OSError: print('closed')"
        )
        await ended(await nursery.python(code))
    finally:
        os.close(reading)
        os.close(writing)
    assert nursery.log.read_text() == "closed\n"


async def test_a_program_that_is_not_there_is_told_as_the_system_tells_it(
    nursery: Nursery,
) -> None:
    with pytest.raises(FileNotFoundError):
        await nursery.program(["no-such-program-anywhere"])
    (nursery.place / "plain.txt").write_text("no program")
    with pytest.raises(PermissionError):
        await nursery.program([str(nursery.place / "plain.txt")])


async def test_a_child_can_be_interrupted_although_we_ignore_interrupts(tmp_path: Path) -> None:
    """Shells start background jobs with SIGINT ignored, and that is inherited."""
    script = (
        "import asyncio, os, signal, sys; from pathlib import Path\n"
        "signal.signal(signal.SIGINT, signal.SIG_IGN)\n"
        "from kernelyard.agent.logs import Log\n"
        "from kernelyard.agent.spawner.spawner import Job, Spawner\n"
        "place = Path(sys.argv[1])\n"
        "child = 'import signal; print(signal.getsignal(2) is signal.default_int_handler)'\n"
        "async def main():\n"
        "    spawner = Spawner(place, Log())\n"
        "    job = Job(argv=[sys.executable, '-c', child], env=os.environ, cwd=place,\n"
        "              log=place / 'log', exit_file=place / 'exit.json')\n"
        "    await (await spawner.spawn(job, lambda: None)).told\n"
        "    await spawner.close(end=True)\n"
        "asyncio.run(main())\n"
    )
    (tmp_path / "agent").mkdir()
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script, str(tmp_path)], timeout=30, check=False
    )
    assert done.returncode == 0
    assert (tmp_path / "log").read_text() == "True\n"


async def test_a_process_is_adopted_by_pid_start_and_boot(nursery: Nursery) -> None:
    orphan = await an_orphan()
    start = start_time_of(orphan)
    assert start is not None
    process = nursery.adopt(orphan, start, boot_id())
    assert process is not None
    nursery.started.append(process)
    assert (process.pid, process.start_time, process.over) == (orphan, start, False)
    waiting = asyncio.create_task(process.wait())
    process.signal(signal.SIGTERM)
    async with asyncio.timeout(20):
        assert how(await waiting) == (None, None)


async def test_a_stranger_with_the_same_pid_is_not_adopted(nursery: Nursery) -> None:
    process = await nursery.python(WAITS)
    assert nursery.adopt(process.pid, process.start_time + 1, boot_id()) is None
    assert nursery.adopt(process.pid, process.start_time, "another boot") is None
    assert await process.poll() is None


async def test_an_ended_process_is_not_adopted(nursery: Nursery) -> None:
    process = await nursery.python("pass")
    await ended(process)
    assert nursery.adopt(process.pid, process.start_time, boot_id()) is None


def test_a_zombie_counts_as_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert start_time_of(process.pid) is None


def test_the_start_time_is_that_of_the_system() -> None:
    own = start_time_of(os.getpid())
    assert own is not None
    assert own > 0
    assert own == start_time_of(os.getpid())
    assert start_time_of(2**22 + 1) is None


def test_the_boot_has_an_id_that_stays() -> None:
    assert boot_id()
    assert boot_id() == boot_id()


async def an_orphan() -> int:
    """Start a process that is no child of ours, and return its pid."""
    code = (
        "import subprocess, sys; "
        "p = subprocess.Popen([sys.executable, '-c', sys.argv[1]], "
        "start_new_session=True, stdout=subprocess.DEVNULL); "
        "print(p.pid)"
    )
    argv = [sys.executable, "-W", "ignore", "-c", code, WAITS]
    done = await asyncio.to_thread(
        subprocess.run, argv, stdout=subprocess.PIPE, timeout=30, check=True
    )
    return int(done.stdout)


def group(leader: int) -> list[int]:
    """The pids of a process group that are alive."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and start_time_of(int(entry.name)) is not None:
            try:
                if os.getpgid(int(entry.name)) == leader:
                    found.append(int(entry.name))
            except ProcessLookupError:
                pass
    return found


async def gone_group(leader: int) -> None:
    """Wait until nobody of a process group is alive."""
    async with asyncio.timeout(20):
        while group(leader):
            await asyncio.to_thread(group, leader)
