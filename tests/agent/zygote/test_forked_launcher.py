"""The launcher of a process that is forked does what every launcher must do."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kernelyard.agent.launch.process_launcher import Command, ProcessLauncher
from kernelyard.agent.logs import Log
from kernelyard.agent.places import agent_dir
from kernelyard.agent.rendezvous.ipc import Ipc
from kernelyard.agent.spawner.spawner import Job, Spawned, Spawner, end_spawner
from kernelyard.providers.launcher import Launcher, LaunchRequest
from kernelyard.testing import LauncherConformance

from tests.support.forked_kernels import Nest


@dataclass
class Forks:
    """Forks from the one zygote of these tests."""

    spawner: Spawner
    done: bool = False

    async def go(self, job: Job, connection_file: Path) -> Spawned | None:
        spawned = await self.spawner.fork("z", job, connection_file)
        self.done = True
        return spawned


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of a spawner that goes on between the tests, and so does its zygote."""
    place = tmp_path_factory.mktemp("y")
    agent_dir(place).mkdir()
    yield place
    end_spawner(place)


class TestForkedLauncher(LauncherConformance):
    """See ``testing.launchers``."""

    has_connection = True
    spawner: Spawner

    @pytest.fixture(autouse=True)
    async def zygote(self, home: Path) -> AsyncIterator[None]:
        nest = Nest.__new__(Nest)
        nest.path, nest.heard, nest.spawner = home, [], Spawner(home, Log())
        self.spawner = nest.spawner
        await self.spawner.open()
        known = self.spawner.zygotes.get("z")
        if known is None or known.state != "ready":
            assert (await nest.zygote()).state == "ready"
        yield
        await self.spawner.close(end=False)

    def make_launcher(self, request: LaunchRequest) -> Launcher:
        command = Command(
            argv=["python", "-m", "ipykernel_launcher", "-f", str(request.connection_file)],
            env={**os.environ, "KERNELYARD_KERNEL_ID": request.kernel_id},
            cwd=request.work_dir,
            log=request.log,
            connection_file=request.connection_file,
            exit_file=request.log.with_name("exit.json"),
        )
        meeting = Ipc(str(request.log.with_name("s")), "python3")
        return ProcessLauncher(command, meeting, self.spawner, fork=Forks(self.spawner))
