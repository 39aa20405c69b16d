"""The launcher of processes of this machine does what every launcher must do."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernelyard.agent.launch.process_launcher import Command, ProcessLauncher
from kernelyard.agent.logs import Log
from kernelyard.agent.rendezvous.known import Known
from kernelyard.agent.spawner.spawner import Spawner
from kernelyard.providers.launcher import Launcher, LaunchFailed, LaunchRequest
from kernelyard.testing import LauncherConformance
from kernelyard.wire.connections import Connection

from tests.support.live_server import processes_of

SLEEPS = [sys.executable, "-c", "print('last words', flush=True)\nimport time; time.sleep(600)"]
CONNECTION = Connection(
    shell_port=1, iopub_port=2, stdin_port=3, control_port=4, hb_port=5, key="k"
)


class TestProcessLauncher(LauncherConformance):
    """See ``testing.launchers``."""

    spawner: Spawner

    @pytest.fixture(autouse=True)
    async def spawning(self, tmp_path: Path) -> AsyncIterator[None]:
        (tmp_path / "agent").mkdir()
        self.spawner = Spawner(tmp_path, Log())
        yield
        await self.spawner.close(end=True)

    def make_launcher(self, request: LaunchRequest) -> Launcher:
        return self.of(SLEEPS, request)

    def of(self, argv: list[str], request: LaunchRequest) -> ProcessLauncher:
        command = Command(
            argv=argv,
            env=dict(os.environ),
            cwd=request.work_dir,
            log=request.log,
            connection_file=request.connection_file,
            exit_file=request.log.with_name("exit.json"),
        )
        return ProcessLauncher(command, Known(CONNECTION), self.spawner)

    async def test_its_last_words_are_in_its_end(self, tmp_path: Path) -> None:
        code = "print('boom'); raise SystemExit(7)"
        request = LaunchRequest(kernel_id="k", work_dir=tmp_path, log=tmp_path / "kernel.log")
        launcher = self.of([sys.executable, "-c", code], request)
        await launcher.start()
        end = await launcher.wait(30)
        assert end is not None
        assert (end.code, end.tail) == (7, "boom")
        assert end.started_at is not None
        assert end.ended_at is not None
        assert end.started_at <= end.ended_at

    @pytest.mark.parametrize("argv", [["no-such-program"], ["a\0b"], [""]])
    async def test_what_cannot_be_run_is_told(self, tmp_path: Path, argv: list[str]) -> None:
        request = LaunchRequest(kernel_id="k", work_dir=tmp_path, log=tmp_path / "kernel.log")
        with pytest.raises(LaunchFailed, match="cannot be run"):
            await self.of(argv, request).start()

    async def test_a_start_that_nobody_waits_for_can_still_be_ended(self, tmp_path: Path) -> None:
        request = LaunchRequest(kernel_id="k", work_dir=tmp_path, log=tmp_path / "kernel.log")
        launcher = self.of(SLEEPS, request)
        starting = launcher.start()
        starting.send(None)
        starting.close()
        await launcher.kill()
        end = await launcher.wait(30)
        assert end is not None
        assert end.signal == "SIGKILL"

    async def test_a_start_that_was_given_up_leaves_no_process(self, tmp_path: Path) -> None:
        await self.spawner.open()
        pid = next(one for one in processes_of(tmp_path) if b"spawner" in command_of(one))
        request = LaunchRequest(kernel_id="k", work_dir=tmp_path, log=tmp_path / "kernel.log")
        launcher = self.of(SLEEPS, request)
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await launcher.start()
        await launcher.cleanup()
        os.kill(pid, signal.SIGCONT)
        end = await launcher.wait(30)
        assert end is not None
        assert end.signal == "SIGKILL"


def command_of(pid: int) -> bytes:
    """The command line of a process."""
    return Path(f"/proc/{pid}/cmdline").read_bytes()
