"""The local engine finds the agent of a data directory, or starts one as soon as there can be one."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernelyard.agent.lock import AlreadyRunning, hold_lock
from kernelyard.engines.local.engine import LocalEngine
from kernelyard.links.unix import UnixLink
from kernelyard.model.errors import AgentUnavailable
from kernelyard.ports.engine import AgentAddress, EngineSetup

from tests.support.live_server import alive


class Watched(LocalEngine):
    """Tells when it has looked for an agent, and found none, a second time."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(EngineSetup(data_dir=data_dir))
        self.looks = 0
        self.waits = asyncio.Event()

    async def observe(self) -> list[AgentAddress]:
        found = await super().observe()
        self.looks += 1
        if self.looks == 2:
            self.waits.set()
        return found


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Watched]:
    """An engine, whose agent is ended afterwards."""
    engine = Watched(tmp_path)
    yield engine
    for address in await engine.observe():
        link = UnixLink(address.place)
        pid = (await link.hello()).pid
        await link.quit(stop_kernels=True)
        link.close()
        async with asyncio.timeout(20):
            while alive(pid):
                await asyncio.to_thread(os.waitpid, pid, 0)


async def test_an_agent_is_started_as_soon_as_one_that_was_ending_has_ended(
    engine: Watched, tmp_path: Path
) -> None:
    (tmp_path / "agent").mkdir()
    ending = hold_lock(tmp_path / "agent" / "agent.lock")
    placing = asyncio.create_task(engine.place())
    await engine.waits.wait()
    os.close(ending)
    async with asyncio.timeout(20):
        address = await placing
    assert await engine.observe() == [address]


async def test_an_agent_that_is_just_beginning_is_found_by_its_lock(
    engine: Watched, tmp_path: Path
) -> None:
    (tmp_path / "agent").mkdir()
    of_a_killed_one = tmp_path / "agent" / "agent.json"
    of_a_killed_one.write_text('{"pid": 1, "socket": "/nowhere"}')
    placing = asyncio.create_task(engine.place())
    await engine.waits.wait()
    assert not of_a_killed_one.exists() or json.loads(of_a_killed_one.read_text())["pid"] != 1
    with pytest.raises(AlreadyRunning):
        hold_lock(tmp_path / "agent" / "agent.lock")
    async with asyncio.timeout(20):
        address = await placing
    assert await engine.observe() == [address]


async def test_calls_at_the_same_time_give_one_agent(engine: Watched) -> None:
    first, second = await asyncio.gather(engine.place(), engine.place())
    assert first == second


async def test_an_agent_is_told_how_to_look_for_images_what_is_known_of_kernels_and_how_to_fork_them(
    tmp_path: Path,
) -> None:
    setup = EngineSetup(
        data_dir=tmp_path,
        image_refresh_seconds=7.5,
        allow_insecure_parameters=True,
        quirks_file=tmp_path / "mine.toml",
        zygotes=2,
        zygote_age_seconds=90.0,
        zygote_boot_seconds=8.5,
    )
    engine = LocalEngine(setup)
    link = UnixLink((await engine.place()).place)
    pid = (await link.hello()).pid
    line = await asyncio.to_thread(Path(f"/proc/{pid}/cmdline").read_text)
    command = line.split("\0")
    await link.quit(stop_kernels=True)
    link.close()
    await asyncio.to_thread(os.waitpid, pid, 0)
    assert command[command.index("--image-refresh-seconds") + 1] == "7.5"
    assert command[command.index("--zygotes") + 1] == "2"
    assert command[command.index("--zygote-age-seconds") + 1] == "90.0"
    assert command[command.index("--zygote-boot-seconds") + 1] == "8.5"
    assert "--allow-insecure-parameters" in command
    assert command[command.index("--quirks-file") + 1] == str(tmp_path / "mine.toml")


async def test_an_agent_that_cannot_be_started_is_told_with_its_last_words(
    engine: Watched, tmp_path: Path
) -> None:
    (tmp_path / "agent").mkdir()
    (tmp_path / "agent" / "agent.sock").mkdir()
    with pytest.raises(AgentUnavailable, match=r"could not be started.*agent\.log"):
        await engine.place()
