"""The launcher of kernels that are processes of this machine: started by us, or found again."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from kernelyard.agent.disk import storage_error
from kernelyard.agent.kernel_log import KernelLog
from kernelyard.agent.launch.processes import KernelProcess
from kernelyard.agent.rendezvous.rendezvous import Rendezvous
from kernelyard.agent.spawner.spawner import Hold, Job, Spawned, Spawner
from kernelyard.model.errors import StorageFull
from kernelyard.model.exits import ExitResult, InterruptOutcome
from kernelyard.providers.launcher import Launcher, LaunchFailed, Resources
from kernelyard.wire.connections import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What is run, and where."""

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    connection_file: Path
    exit_file: Path
    """Where the parent of the process leaves word how it ended."""
    hold: Hold = field(default_factory=Hold)


class Forks(Protocol):
    """Makes the process by a fork."""

    async def go(self, job: Job, connection_file: Path) -> Spawned | None:
        """Return it, or None if there is no process."""
        ...


class ProcessLauncher(Launcher):
    """One process of this machine that leads its own session and process group."""

    def __init__(
        self,
        command: Command,
        rendezvous: Rendezvous,
        spawner: Spawner,
        undo: Callable[[], object] = lambda: None,
        fork: Forks | None = None,
    ) -> None:
        """``undo`` ends what may have been started when nobody can say whether it was. With ``fork``
        the process is forked, or there is none."""
        self._command = command
        self._fork = fork
        self._rendezvous = rendezvous
        self._spawner = spawner
        self._undo = undo
        self._starting: asyncio.Task[None] | None = None
        self._abandoned = False
        """Whether nobody wants a process any more that is only being started."""
        self._log_begin = 0
        self._process: KernelProcess | None = None
        self._exit: ExitResult | None = None

    @classmethod
    def found(
        cls, process: KernelProcess, command: Command, rendezvous: Rendezvous, spawner: Spawner
    ) -> ProcessLauncher:
        """The launcher of a process that an earlier agent has started."""
        launcher = cls(command, rendezvous, spawner)
        launcher._process = process
        launcher._log_begin = KernelLog(command.log).size
        return launcher

    async def start(self) -> None:
        """Start the process. Raises LaunchFailed, OSError."""
        self._rendezvous.prepare(self._command.connection_file)
        self._log_begin = KernelLog(self._command.log).size
        # Whoever breaks off the start must still be able to end what has been started.
        self._starting = asyncio.create_task(self._spawn())
        await asyncio.shield(self._starting)

    async def _spawn(self) -> None:
        command = self._command
        job = Job(
            argv=command.argv,
            env=command.env,
            cwd=command.cwd,
            log=command.log,
            exit_file=command.exit_file,
            hold=command.hold,
        )
        try:
            if self._fork is not None:
                spawned = await self._forked(self._fork, job)
            else:
                spawned = await self._spawner.spawn(job, self._undo)
        except FileNotFoundError as error:
            raise LaunchFailed(
                f"{command.argv[0]!r} cannot be run: there is no such program"
            ) from error
        except OSError as error:
            if isinstance(storage_error(error), StorageFull):
                raise
            told = error.strerror or str(error)
            raise LaunchFailed(f"{command.argv[0]!r} cannot be run: {told}") from error
        self._process = KernelProcess.of(spawned, command.exit_file)
        if self._abandoned:
            self._process.signal(signal.SIGKILL)

    async def _forked(self, fork: Forks, job: Job) -> Spawned:
        spawned = await fork.go(job, self._command.connection_file)
        if spawned is None:
            # A new program is another attempt, which has all the time that is left.
            raise LaunchFailed("it could not be forked")
        return spawned

    async def connection_info(self) -> Connection:
        """Return where it listens, as soon as that is agreed with it."""
        return await self._rendezvous.meet()

    @property
    def resources(self) -> Resources:
        """Its process id, and when that began to be its own."""
        process = self._process
        return (
            Resources()
            if process is None
            else Resources(pid=process.pid, start_time=process.start_time)
        )

    async def poll(self) -> ExitResult | None:
        """How it ended; None while it lives."""
        if self._exit is None and (process := await self._begun()) is not None:
            ended = await process.poll()
            if ended is not None:
                self._keep(ended)
        return self._exit

    async def wait(self, timeout: float | None = None) -> ExitResult | None:
        """Wait until it has ended; None if it still lives after ``timeout`` seconds."""
        if self._exit is None:
            process = await self._begun()
            if process is None:
                raise RuntimeError("a launcher that was not started has nothing to wait for")
            try:
                async with asyncio.timeout(timeout):
                    ended = await process.wait()
            except TimeoutError:
                return None
            self._keep(ended)
        return self._exit

    async def signal(self, signum: int) -> bool:
        """Send a signal to its process group; return whether it was delivered."""
        process = await self._begun()
        return process is not None and process.signal(signum)

    async def interrupt(self) -> InterruptOutcome:
        """Send SIGINT to its process group, so that what its code has started stops, too."""
        sent = await self.signal(signal.SIGINT)
        return InterruptOutcome.DELIVERED if sent else InterruptOutcome.NOT_DELIVERED

    async def terminate(self) -> None:
        """Send SIGTERM to its process group."""
        await self.signal(signal.SIGTERM)

    async def kill(self) -> None:
        """Send SIGKILL to its process group."""
        await self.signal(signal.SIGKILL)

    async def cleanup(self) -> None:
        """Let go of how we met; a start that still goes on will be in vain."""
        self._abandoned = self._process is None
        self._rendezvous.close()

    async def _begun(self) -> KernelProcess | None:
        """The process, as soon as there is one; None if there is none."""
        if self._process is None and self._starting is not None:
            await asyncio.wait({self._starting})
            if not self._starting.cancelled():
                self._starting.exception()
        return self._process

    def _keep(self, ended: ExitResult) -> None:
        # Of those who wait at once, the first to come here settles what all are told.
        if self._exit is None:
            tail = KernelLog(self._command.log).tail(self._log_begin)
            self._exit = replace(ended, tail=tail)
