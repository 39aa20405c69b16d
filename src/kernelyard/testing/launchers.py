"""What every launcher must do, as a class of tests that its author subclasses.

::

    from kernelyard.testing import LauncherConformance

    class TestMyLauncher(LauncherConformance):
        def make_launcher(self, request):
            return MyLauncher(request)

The kernel that it launches may be any process or thing that lives until it is ended.
"""

# ruff: noqa: S101 - assertions are what it is made of

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

import pytest

from kernelyard.model.exits import ExitResult, InterruptOutcome
from kernelyard.providers.launcher import Launcher, LaunchRequest, Resources
from kernelyard.wire.connections import Connection

SECONDS = 30.0
"""For whatever has to happen."""
MOMENT = 0.05


class LauncherConformance:
    """Subclass it and write ``make_launcher``; pytest finds the rest.

    Needs a plugin that runs coroutines as tests, such as pytest-asyncio in its automatic mode.
    """

    tells_signals: ClassVar[bool] = True
    """Whether the signal that ended the kernel is known; false where nobody can say."""
    has_connection: ClassVar[bool] = True
    """Whether what it launches in these tests says where it listens."""

    def make_launcher(self, request: LaunchRequest) -> Launcher:
        """Return a new launcher, not started, of a kernel that lives until it is ended."""
        raise NotImplementedError("write make_launcher in the subclass")

    @pytest.fixture
    async def launcher(self, tmp_path: Path) -> AsyncIterator[Launcher]:
        """A launcher that was not started; what it has started is ended after the test."""
        work = tmp_path / "work"
        work.mkdir()
        launcher = self.make_launcher(
            LaunchRequest(
                kernel_id=str(uuid4()),
                work_dir=work,
                connection_file=tmp_path / "connection.json",
                log=tmp_path / "kernel.log",
            )
        )
        yield launcher
        try:
            await launcher.kill()
            await launcher.wait(SECONDS)
        finally:
            await launcher.cleanup()

    @pytest.fixture
    async def started(self, launcher: Launcher) -> Launcher:
        """The same, started."""
        async with asyncio.timeout(SECONDS):
            await launcher.start()
        return launcher

    async def test_it_lives_once_it_was_started(self, started: Launcher) -> None:
        assert await started.poll() is None
        assert await started.wait(MOMENT) is None

    async def test_where_it_listens_is_told(self, started: Launcher) -> None:
        if not self.has_connection:
            pytest.skip("what these tests launch does not listen")
        async with asyncio.timeout(SECONDS):
            connection = await started.connection_info()
        assert isinstance(connection, Connection)
        assert connection.transport == "ipc" or all(connection.ports)

    async def test_killed_it_ends_and_says_how(self, started: Launcher) -> None:
        await started.kill()
        end = await self.end_of(started)
        if self.tells_signals:
            assert (end.code, end.signal) == (None, "SIGKILL")

    async def test_told_to_end_it_ends(self, started: Launcher) -> None:
        await started.terminate()
        assert isinstance(await self.end_of(started), ExitResult)

    async def test_its_end_stays_the_same_however_often_it_is_asked(
        self, started: Launcher
    ) -> None:
        await started.kill()
        end = await self.end_of(started)
        assert await started.poll() is end
        assert await started.wait() is end
        assert await started.wait(0) is end
        with pytest.raises(FrozenInstanceError):
            end.code = 1  # type: ignore[misc]  # that is what is tried
        await started.cleanup()
        assert await started.poll() is end
        assert await started.wait() is end

    async def test_many_may_wait_and_some_may_stop_waiting(self, started: Launcher) -> None:
        waiting = [asyncio.create_task(started.wait()) for _ in range(5)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.gather(waiting[0], return_exceptions=True)
        assert await started.wait(MOMENT) is None
        await started.kill()
        async with asyncio.timeout(SECONDS):
            ends = await asyncio.gather(*waiting[1:])
        assert all(end is ends[0] for end in ends)
        assert isinstance(ends[0], ExitResult)

    async def test_an_end_can_be_put_into_words(self, started: Launcher) -> None:
        await started.kill()
        end = await self.end_of(started)
        assert end.sentence()
        assert end.ended_at is None or end.ended_at > 0

    async def test_after_its_end_nothing_is_delivered_and_nothing_fails(
        self, started: Launcher
    ) -> None:
        await started.kill()
        await self.end_of(started)
        assert await started.signal(signal.SIGTERM) is False
        assert await started.interrupt() in (
            InterruptOutcome.NOT_DELIVERED,
            InterruptOutcome.WOULD_KILL,
        )
        await started.terminate()
        await started.kill()

    async def test_cleaning_up_may_be_repeated(self, started: Launcher) -> None:
        await started.kill()
        await self.end_of(started)
        for _ in range(3):
            await started.cleanup()

    async def test_what_it_holds_can_be_asked_at_any_time(self, launcher: Launcher) -> None:
        assert isinstance(launcher.resources, Resources)
        await launcher.start()
        held = launcher.resources
        assert held.pid is None or held.pid > 0
        assert (held.start_time is None) or held.pid is not None

    async def test_what_finds_it_again_is_json(self, started: Launcher) -> None:
        record = started.record()
        assert json.loads(json.dumps(record)) == record

    async def end_of(self, launcher: Launcher) -> ExitResult:
        """Wait for the end, which must come soon."""
        end = await launcher.wait(SECONDS)
        assert end is not None, f"it did not end within {SECONDS:g} s"
        return end
