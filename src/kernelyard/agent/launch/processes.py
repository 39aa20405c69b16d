"""The process of a kernel: started or adopted, watched, signalled, and its end told truthfully."""

from __future__ import annotations

import asyncio
import functools
import os
import signal
import subprocess
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path

from kernelyard.model.exits import ExitResult
from kernelyard.model.quantities import Micros

_POLL_SECONDS = 0.1


class KernelProcess:
    """One process that leads its own session and process group.

    Its end is noticed through a process descriptor where the system has them, by asking now and then
    elsewhere. What it leaves behind in its group is killed when its end is noticed.
    """

    def __init__(self, pid: int, start_time: int, descriptor: int | None) -> None:
        self.pid = pid
        self.start_time = start_time
        self.started_at: Micros | None = None
        """When we started it; None if it was found."""
        self._exit: ExitResult | None = None
        self._waiters: list[asyncio.Future[ExitResult]] = []
        self._descriptor = descriptor
        self._timer: asyncio.TimerHandle | None = None
        self._close = weakref.finalize(self, _close, descriptor)

    @classmethod
    def start(
        cls, argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, log_path: Path
    ) -> KernelProcess:
        """Start a process that outlives us; what it prints is appended to ``log_path``.

        Raises FileNotFoundError and PermissionError as the system tells them.
        """
        _let_children_be_interrupted()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        log = os.open(log_path, flags, 0o600)
        try:
            child = subprocess.Popen(
                list(argv),
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                close_fds=True,
                start_new_session=True,
            )
        finally:
            os.close(log)
        # From here on this class reaps the child; Popen must not, nor complain that it still runs.
        child.returncode = 0
        process = cls(child.pid, start_time_of(child.pid) or 0, _open_descriptor(child.pid))
        process.started_at = _now()
        return process

    @classmethod
    def adopt(cls, pid: int, start_time: int, boot_id: str) -> KernelProcess | None:
        """Return the process that was started as these three say; None if it has ended since."""
        if boot_id != _this_boot():
            return None
        descriptor = _open_descriptor(pid)
        # The descriptor is opened first: what holds for the process now holds for the descriptor.
        if start_time_of(pid) != start_time:
            _close(descriptor)
            return None
        return cls(pid, start_time, descriptor)

    @property
    def exit(self) -> ExitResult | None:
        """How it ended; None while it runs. Asks the system, and never waits."""
        if self._exit is None:
            self._look()
        return self._exit

    async def wait(self) -> ExitResult:
        """Wait until it has ended. Any number of tasks may wait, and stop waiting."""
        if (ended := self.exit) is not None:
            return ended
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[ExitResult] = loop.create_future()
        self._waiters.append(waiter)
        if len(self._waiters) == 1:
            self._watch(loop)
        try:
            return await waiter
        finally:
            self._waiters.remove(waiter)
            if not self._waiters and self._exit is None:
                self._unwatch(loop)

    def signal(self, signum: int) -> bool:
        """Send a signal to its process group; return whether it lived to get it."""
        return self.exit is None and _signal_group(self.pid, signum)

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._descriptor is None:
            self._timer = loop.call_later(_POLL_SECONDS, self._tick, loop)
        else:
            loop.add_reader(self._descriptor, self._tick, loop)

    def _unwatch(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        elif self._descriptor is not None:
            loop.remove_reader(self._descriptor)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        if self.exit is None:
            if self._descriptor is None:
                self._timer = loop.call_later(_POLL_SECONDS, self._tick, loop)
            return
        self._unwatch(loop)
        self._close()
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(self.exit)

    def _look(self) -> None:
        try:
            if hasattr(os, "waitid"):
                options = os.WEXITED | os.WNOWAIT | os.WNOHANG
                if os.waitid(os.P_PID, self.pid, options) is None:
                    return
                # Not reaped yet: as long as it is a zombie, nobody else can have its group id.
                _signal_group(self.pid, signal.SIGKILL)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            self._look_at_stranger()
            return
        if pid:
            code = os.waitstatus_to_exitcode(status)
            if code < 0:
                self._ended(signal=signal_name(-code))
            else:
                self._ended(code=code)

    def _look_at_stranger(self) -> None:
        found = start_time_of(self.pid)
        if found == self.start_time:
            return
        if found is None:
            _signal_group(self.pid, signal.SIGKILL)
        self._ended()

    def _ended(self, *, code: int | None = None, signal: str | None = None) -> None:
        self._exit = ExitResult(
            code=code, signal=signal, started_at=self.started_at, ended_at=_now()
        )


def boot_id() -> str:
    """A text that changes with every start of the system."""
    return _this_boot()


def start_time_of(pid: int) -> int | None:
    """When a process was started, in a unit of the system's own; None if it has ended."""
    if not Path("/proc/self/stat").exists():
        return _start_time_by_ps(pid)
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


@functools.cache
def _this_boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return _output_of(["sysctl", "-n", "kern.bootsessionuuid"])


def _start_time_by_ps(pid: int) -> int | None:
    state, _, started = _output_of(["ps", "-o", "stat=,lstart=", "-p", str(pid)]).partition(" ")
    if not started or state.startswith("Z"):
        return None
    return int(time.mktime(time.strptime(" ".join(started.split()), "%a %b %d %H:%M:%S %Y")))


def _output_of(argv: list[str]) -> str:
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _let_children_be_interrupted() -> None:
    # An ignored signal stays ignored across exec, and shells start background jobs that way. A
    # handler that does nothing is as good for us and leaves the kernel with the default.
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if ignored and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, lambda *_: None)


def _open_descriptor(pid: int) -> int | None:
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)


def _signal_group(pid: int, signum: int) -> bool:
    try:
        os.killpg(pid, signum)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def signal_name(number: int) -> str:
    """The name of a signal, such as ``SIGKILL``."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _now() -> Micros:
    return time.time_ns() // 1000
