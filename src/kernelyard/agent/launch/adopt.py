"""Finding a kernel again after its agent had died."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace

from kernelyard.agent.beside import Beside
from kernelyard.agent.bond import Bond, Hearer
from kernelyard.agent.connection import read_connection
from kernelyard.agent.endings import KernelEnd, attach_failed, died, start_failed
from kernelyard.agent.folder import Folder, ProcessRecord
from kernelyard.agent.foreign.launcher import found_again
from kernelyard.agent.incarnation import Incarnation
from kernelyard.agent.launch.launching import WRONG_KEY
from kernelyard.agent.launch.process_launcher import Command, ProcessLauncher
from kernelyard.agent.launch.processes import CODE_SECONDS, KernelProcess, end_left, exit_of
from kernelyard.agent.launch.surroundings import Surroundings
from kernelyard.agent.logs import Log
from kernelyard.agent.rendezvous.known import Known
from kernelyard.agent.spawner.line import End
from kernelyard.agent.waiting import first_of
from kernelyard.model.errors import YardError
from kernelyard.model.exits import ExitResult
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.records import EndCause
from kernelyard.providers.launcher import Launcher, LaunchFailed
from kernelyard.wire.connections import Connection

UNREACHABLE = "its connection file was lost, so nobody could speak to it any more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found: a kernel that lives, the end of one, or neither if none was started yet."""

    incarnation: Incarnation | None = None
    end: KernelEnd | None = None


async def met_again(
    incarnation: Incarnation,
    seconds: float | None,
    turned: Callable[[], Coroutine[object, object, None]],
) -> bytes | ExitResult | KernelEnd | None:
    """Wait until a kernel that was found answers; return what it answers, or how it ended.

    One that has never answered yet has ``seconds`` for it: if it does not, or ends, its start has
    failed, which is no death. None means that something else was ``turned`` to.
    """
    if seconds is None:
        return await first_of(turned(), incarnation.ready_within(None), incarnation.exit())
    owned = incarnation.launcher.owned
    try:
        outcome = await first_of(turned(), incarnation.ready_within(seconds), incarnation.exit())
    except TimeoutError:
        problem = f"it did not answer within {seconds:g} s{'' if owned else WRONG_KEY}"
        failed = start_failed(problem)
    except LaunchFailed as error:
        failed = start_failed(str(error))
    else:
        if not isinstance(outcome, ExitResult):
            return outcome
        failed = start_failed(f"{outcome.sentence()}, before it answered", exit_=outcome)
    return failed if owned else attach_failed(failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Looks for the kernel that was started for an order."""

    surroundings: Surroundings
    folder: Folder
    order: LaunchOrder
    hearer: Hearer
    log: Log
    on_first_sound: Callable[[], None]
    was_ready: bool
    """Whether this start had become ready."""

    async def run(self) -> Found:
        """Find it. What was left of an earlier start, or started and never noted, is killed.

        Whatever goes wrong with that, the kernel can be ended then, and is.
        """
        try:
            return await self._found()
        except Exception as error:
            self.log.exception("kernel.not_found")
            reason = (
                f"nobody can say what became of it: the agent failed to find it again: {error!r}"
            )
            return Found(end=KernelEnd(cause=EndCause.AGENT_LOST, reason=reason))

    async def _found(self) -> Found:
        record = self.folder.read_process()
        connection = read_connection(self.folder.connection(self.order.attempt))
        try:
            launcher = None if record is None else await self._launcher(record, connection)
        except (YardError, LaunchFailed) as error:
            reason = f"nobody can say what became of it: {error}"
            return Found(end=KernelEnd(cause=EndCause.AGENT_LOST, reason=reason))
        if record is None or record.attempt != self.order.attempt:
            await self._put_away(launcher)
            return Found()
        if launcher is None:
            return Found(end=await self._died(record))
        if connection is None:
            # It had not told where it listens: nobody ever will be told now.
            await self._put_away(launcher)
            if not self.was_ready:
                return Found()
            return Found(end=KernelEnd(cause=EndCause.AGENT_LOST, reason=UNREACHABLE))
        incarnation = self._incarnation(record, launcher)
        incarnation.open(connection)
        return Found(incarnation=incarnation)

    async def _launcher(
        self, record: ProcessRecord, connection: Connection | None
    ) -> Launcher | None:
        if not self.order.owned:
            context = self.surroundings.context
            return found_again(self.folder, record.launcher or {}, context)
        if record.launcher is not None:
            return await self.surroundings.catalogue.find_again(
                self.order.provider, self.order.image, record.launcher
            )
        if record.pid is None or record.start_time is None:
            return None
        spawner, exit_file = self.surroundings.spawner, self.folder.exit_file(record.attempt)
        process = KernelProcess.adopt(
            record.pid,
            record.start_time,
            record.boot_id,
            exit_file=exit_file,
            told=spawner.told_of(record.pid, record.start_time),
        )
        if process is None:
            return None
        command = Command(
            argv=(),
            env={},
            cwd=self.folder.work,
            log=self.folder.log,
            connection_file=self.folder.connection(record.attempt),
            exit_file=exit_file,
        )
        return ProcessLauncher.found(process, command, Known(connection), spawner)

    def _incarnation(self, record: ProcessRecord, launcher: Launcher) -> Incarnation:
        bond = Bond(
            kernel_id=self.folder.kernel_id,
            attempt=record.attempt,
            interrupt_mode=record.interrupt_mode,
            quirks=record.quirks,
            beside=Beside(self.folder.log) if record.quirks.tees_fd_output is False else None,
            hearer=self.hearer,
            before_hearing=self.surroundings.standstill.look,
            adopted=True,
            on_first_sound=self.on_first_sound,
        )
        incarnation = Incarnation(self.surroundings.context, bond, self.log, launcher)
        incarnation.lossless, incarnation.forked = record.lossless, record.forked
        if launcher.resources.pid is not None and launcher.owned:
            incarnation.held = self.surroundings.limits.find_again(self.order, record.memory_kills)
        return incarnation

    async def _put_away(self, launcher: Launcher | None) -> None:
        if launcher is not None:
            try:
                if launcher.owned:
                    await launcher.kill()
                await launcher.cleanup()
            except Exception:
                self.log.exception("launcher.failed")
        self.surroundings.table.kill(self.folder.kernel_id)

    async def _died(self, record: ProcessRecord) -> KernelEnd:
        held = self.surroundings.limits.find_again(self.order, record.memory_kills)
        fate = held.memory_fate()
        return died(exit_of(await self._end(record)), "", replace(fate, suspected=False))

    async def _end(self, record: ProcessRecord) -> End | None:
        """What the parent of the process says, now or in the file that it has left."""
        if record.pid is None or record.start_time is None:
            return None
        told = self.surroundings.spawner.told_of(record.pid, record.start_time)
        if told is not None:
            try:
                async with asyncio.timeout(CODE_SECONDS):
                    await asyncio.shield(told)
            except TimeoutError:
                pass
        return end_left(self.folder.exit_file(record.attempt), record.pid, record.start_time)
