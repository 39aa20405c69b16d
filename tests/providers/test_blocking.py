"""A launcher that was written with plain functions does what every launcher must do."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time

import pytest

from kernelyard.model.exits import ExitResult, InterruptOutcome
from kernelyard.model.json import JsonObject
from kernelyard.providers.blocking import BlockingLauncher, InThreads
from kernelyard.providers.launcher import Launcher, LaunchFailed, LaunchRequest, Resources
from kernelyard.testing import LauncherConformance
from kernelyard.wire.connections import Connection

CONNECTION = Connection(
    shell_port=1, iopub_port=2, stdin_port=3, control_port=4, hb_port=5, key="k"
)


class Plain(BlockingLauncher):
    """Runs a child that sleeps, and blocks wherever it can."""

    def __init__(self, request: LaunchRequest) -> None:
        self._request = request
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        argv = [sys.executable, "-c", "import time; time.sleep(600)"]
        self._child = subprocess.Popen(argv, cwd=self._request.work_dir, start_new_session=True)

    def connection_info(self) -> Connection:
        return CONNECTION

    @property
    def resources(self) -> Resources:
        return Resources(pid=self._child.pid if self._child else None)

    def poll(self) -> ExitResult | None:
        assert self._child is not None
        code = self._child.poll()
        return None if code is None else self._result(code)

    def wait(self) -> ExitResult | None:
        assert self._child is not None
        return self._result(self._child.wait())

    def signal(self, signum: int) -> bool:
        if self._child is None or self._child.poll() is not None:
            return False
        self._child.send_signal(signum)
        return True

    def interrupt(self) -> InterruptOutcome:
        sent = self.signal(signal.SIGINT)
        return InterruptOutcome.DELIVERED if sent else InterruptOutcome.NOT_DELIVERED

    def terminate(self) -> None:
        self.signal(signal.SIGTERM)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)

    def record(self) -> JsonObject:
        return {"pid": self.resources.pid}

    def _result(self, code: int) -> ExitResult:
        if code < 0:
            return ExitResult(signal=signal.Signals(-code).name)
        return ExitResult(code=code)


class TestBlockingLauncher(LauncherConformance):
    """See ``testing.launchers``."""

    def make_launcher(self, request: LaunchRequest) -> Launcher:
        return InThreads(Plain(request))


class Odd(BlockingLauncher):
    """Does what launchers do wrong."""

    def __init__(self, let_go: threading.Event) -> None:
        self._let_go = let_go
        self._waited = 0

    def start(self) -> None:
        raise LaunchFailed("there is no kernel today")

    def connection_info(self) -> Connection:
        raise SystemExit(3)

    def poll(self) -> ExitResult | None:
        return None

    def wait(self) -> ExitResult | None:
        self._waited += 1
        return ExitResult(reason="done") if self._waited > 2 else None

    def terminate(self) -> None:
        raise StopIteration

    def kill(self) -> None:
        self._let_go.wait()


async def test_what_it_raises_reaches_who_has_called_and_nobody_else() -> None:
    launcher = InThreads(Odd(threading.Event()))
    with pytest.raises(LaunchFailed, match="no kernel today"):
        await launcher.start()
    with pytest.raises(RuntimeError, match="SystemExit"):
        await launcher.connection_info()
    with pytest.raises(RuntimeError, match="StopIteration"):
        await launcher.terminate()


async def test_a_wait_that_comes_back_without_an_end_is_begun_again() -> None:
    launcher = InThreads(Odd(threading.Event()))
    begin = time.monotonic()
    end = await launcher.wait(30)
    assert end is not None
    assert end.sentence() == "done"
    assert time.monotonic() - begin >= 0.5, "not without a pause"


async def test_one_that_hangs_hangs_nobody_else() -> None:
    let_go = threading.Event()
    launcher = InThreads(Odd(let_go))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await launcher.kill()
    assert await InThreads(Odd(let_go)).poll() is None
    let_go.set()


async def test_whether_it_is_owned_is_what_its_class_says() -> None:
    class Borrowed(Odd):
        owned = False

    assert not InThreads(Borrowed(threading.Event())).owned
    assert InThreads(Odd(threading.Event())).owned
