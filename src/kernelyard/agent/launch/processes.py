"""The process of a kernel: watched whoever its parent is, signalled, and its end told truthfully."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import time
import weakref
from pathlib import Path

from kernelyard.agent.spawner.line import End, Told, read_end
from kernelyard.agent.spawner.spawner import Spawned
from kernelyard.model.exits import ExitResult
from kernelyard.model.quantities import Micros
from kernelyard.providers import process_identity
from kernelyard.providers.process_identity import start_time_of

CODE_SECONDS = 2.0
"""How long to wait for the parent of a process that has ended to say how."""
_POLL_SECONDS = 0.1
_WHOLE_GROUP = 4
"""PIDFD_SIGNAL_PROCESS_GROUP: of the group whose leader the descriptor means; Linux 6.9."""


class KernelProcess:
    """One process that leads its own session and process group.

    Its end is noticed through a process descriptor where the system has them, by asking now and then
    elsewhere; how it ended is told by its parent, the spawner, or by the file that this has left. What
    it leaves behind in its group is killed when its end is noticed.
    """

    def __init__(
        self,
        pid: int,
        start_time: int,
        descriptor: int | None,
        *,
        told: Told | None,
        exit_file: Path,
        started_at: Micros | None = None,
    ) -> None:
        self.pid = pid
        self.start_time = start_time
        self._started_at = started_at
        self._told = told
        self._exit_file = exit_file
        self._exit: ExitResult | None = None
        self._settling: asyncio.Task[ExitResult] | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._descriptor = descriptor
        self._timer: asyncio.TimerHandle | None = None
        self._close = weakref.finalize(self, _close, descriptor)

    @classmethod
    def of(cls, spawned: Spawned, exit_file: Path) -> KernelProcess:
        """The process that a spawner has just started."""
        descriptor = _open_descriptor(spawned.pid)
        start_time = spawned.start_time
        if start_time is None:
            start_time = start_time_of(spawned.pid) or 0
        elif start_time_of(spawned.pid) not in (None, start_time):
            # It has ended already, and another process has got its id.
            _close(descriptor)
            descriptor = None
        return cls(
            spawned.pid,
            start_time,
            descriptor,
            told=spawned.told,
            exit_file=exit_file,
            started_at=_now(),
        )

    @classmethod
    def adopt(
        cls,
        pid: int,
        start_time: int,
        boot_id: str,
        *,
        exit_file: Path,
        told: Told | None = None,
    ) -> KernelProcess | None:
        """Return the process that was started as these say; None if it has ended since."""
        if boot_id != process_identity.boot_id():
            return None
        descriptor = _open_descriptor(pid)
        # The descriptor is opened first: what holds for the process now holds for the descriptor.
        if start_time_of(pid) != start_time:
            _close(descriptor)
            return None
        return cls(pid, start_time, descriptor, told=told, exit_file=exit_file)

    @property
    def over(self) -> bool:
        """Whether it has ended. Asks the system, and never waits."""
        if self._exit is not None or (self._told is not None and _is_told(self._told)):
            return True
        if self._descriptor is None:
            return start_time_of(self.pid) != self.start_time
        look = select.poll()
        look.register(self._descriptor, select.POLLIN)
        return bool(look.poll(0))

    async def poll(self) -> ExitResult | None:
        """How it ended; None while it runs."""
        return await self._settled() if self.over else None

    async def wait(self) -> ExitResult:
        """Wait until it has ended. Any number of tasks may wait, and stop waiting."""
        if not self.over:
            await self._until_over()
        return await self._settled()

    def signal(self, signum: int) -> bool:
        """Send a signal to its process group; return whether it lived to get it."""
        if self.over:
            return False
        if self._descriptor is not None:
            try:
                signal.pidfd_send_signal(self._descriptor, signum, None, _WHOLE_GROUP)
            except ProcessLookupError:
                return False
            except OSError:
                pass  # an older system
            else:
                return True
        return _signal_group(self.pid, signum)

    async def _until_over(self) -> None:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        self._waiters.append(waiter)
        if len(self._waiters) == 1:
            self._watch(loop)
        try:
            await waiter
        finally:
            self._waiters.remove(waiter)
            if not self._waiters:
                self._unwatch(loop)

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
        if not self.over:
            if self._descriptor is None:
                self._timer = loop.call_later(_POLL_SECONDS, self._tick, loop)
            return
        self._unwatch(loop)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)

    async def _settled(self) -> ExitResult:
        """How it ended, found out once for all who ask."""
        if self._exit is not None:
            return self._exit
        if self._settling is None:
            self._settling = asyncio.create_task(self._find_out())
        return await asyncio.shield(self._settling)

    async def _find_out(self) -> ExitResult:
        end = await self._heard() or self._read()
        if end is None and start_time_of(self.pid) is None:
            _signal_group(self.pid, signal.SIGKILL)
        self._exit = exit_of(end, self._started_at)
        self._descriptor = None
        self._close()
        return self._exit

    async def _heard(self) -> End | None:
        if self._told is None:
            return None
        try:
            async with asyncio.timeout(CODE_SECONDS):
                return await asyncio.shield(self._told)
        except TimeoutError:
            return None

    def _read(self) -> End | None:
        return end_left(self._exit_file, self.pid, self.start_time)


def end_left(file: Path, pid: int, start_time: int) -> End | None:
    """What a spawner has left about the end of a process; None if it has left nothing."""
    end = read_end(file)
    if end is None or end.pid != pid or end.start_time not in (None, start_time):
        return None
    return end


def exit_of(end: End | None, started_at: Micros | None = None) -> ExitResult:
    """What a spawner says of an end, for everybody."""
    if end is None:
        return ExitResult(started_at=started_at, ended_at=_now())
    return ExitResult(
        code=end.code,
        signal=None if end.signal is None else signal_name(end.signal),
        started_at=started_at,
        ended_at=end.at or _now(),
    )


def _open_descriptor(pid: int) -> int | None:
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _is_told(told: Told) -> bool:
    return told.done() and not told.cancelled() and told.result() is not None


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
