"""Starting a kernel, and bringing it to the point where it answers: the one way in which kernels start."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass

from kernelyard.agent.belongings import KERNEL_ID
from kernelyard.agent.connection import read_connection, write_connection
from kernelyard.agent.disk import storage_error
from kernelyard.agent.endings import KernelEnd, start_failed
from kernelyard.agent.folder import Folder, ProcessRecord
from kernelyard.agent.incarnation import Bond, Hearer, Incarnation
from kernelyard.agent.launch.environment import kernel_environment
from kernelyard.agent.launch.lossless import without_loss
from kernelyard.agent.launch.process_launcher import Command, ProcessLauncher
from kernelyard.agent.launch.processes import boot_id
from kernelyard.agent.launch.surroundings import Surroundings
from kernelyard.agent.logs import Log
from kernelyard.agent.places import ipc_prefix
from kernelyard.agent.rendezvous.rendezvous import Rendezvous
from kernelyard.agent.rendezvous.ways import Meeting, Way, ways
from kernelyard.agent.waiting import first_of
from kernelyard.model.errors import StorageFull, YardError
from kernelyard.model.exits import ExitResult
from kernelyard.model.kernels import LaunchOrder
from kernelyard.providers.argv import fill
from kernelyard.providers.launcher import Launcher, LaunchFailed, LaunchRequest
from kernelyard.providers.provider import LaunchPlan
from kernelyard.wire.connections import Connection

Ready = tuple[Incarnation, bytes]
"""A kernel that answers, and the content of its kernel_info_reply."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    """One way to start the kernel."""

    launcher: Launcher
    lossless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Launching:
    """One attempt to start a kernel."""

    surroundings: Surroundings
    folder: Folder
    order: LaunchOrder
    hearer: Hearer
    log: Log
    on_started: Callable[[Incarnation, int | None], None]
    """Called with the incarnation and its pid as soon as it has been started."""
    turned: Callable[[], Coroutine[object, object, None]]
    """Returns when somebody wants the kernel to stop or restart instead."""

    async def run(self) -> Ready | KernelEnd | None:
        """Return the ready kernel and who it says it is, or why there is none, or None if turned.

        Raises StorageFull; then nothing runs, and it may be tried again.
        """
        try:
            plan = await self.surroundings.catalogue.prepare(
                self.order.provider, self.order.image, self._request()
            )
        except YardError as error:
            return start_failed(error.message)
        failed: KernelEnd | None = None
        for candidate in self._candidates(plan):
            outcome = await self._attempt(plan, candidate)
            if not isinstance(outcome, KernelEnd):
                return outcome
            failed = outcome
            if failed.exit is None or failed.exit.code is None:
                break
        return failed

    def _request(self) -> LaunchRequest:
        order = self.order
        return LaunchRequest(
            kernel_id=order.kernel_id,
            attempt=order.attempt,
            parameters=order.parameters,
            environment=order.environment,
            work_dir=self.folder.work,
            connection_file=self.folder.connection(order.attempt),
            log=self.folder.log,
            path=order.path,
        )

    def _candidates(self, plan: LaunchPlan) -> Iterator[_Candidate]:
        """The provider's own launcher if it has one, else a process, met in one way after the other."""
        if plan.launcher is not None:
            yield _Candidate(launcher=plan.launcher(self._request()))
            return
        file = self.folder.connection(self.order.attempt)
        filled = fill(plan.argv, connection_file=file, resource_dir=plan.resource_dir)
        argv, lossless = without_loss(filled)
        ordered = {**self.order.environment, KERNEL_ID: self.order.kernel_id}
        command = Command(
            argv=argv,
            env=kernel_environment(os.environ, plan.env, ordered, plan.unset),
            cwd=self.folder.work,
            log=self.folder.log,
            connection_file=file,
        )
        for way in ways(plan):
            yield _Candidate(launcher=ProcessLauncher(command, self._met(way)), lossless=lossless)

    def _met(self, way: Way) -> Rendezvous:
        order = self.order
        prefix = ipc_prefix(self.surroundings.data_dir, order.kernel_id, order.attempt)
        return way(Meeting(ipc_prefix=prefix, kernel_id=order.kernel_id, kernel_name=order.image))

    async def _attempt(self, plan: LaunchPlan, candidate: _Candidate) -> Ready | KernelEnd | None:
        log_begin = self.folder.log_size()
        incarnation = self._incarnation(plan, candidate)
        outcome: bytes | ExitResult | None = None
        leaving = False
        try:
            async with asyncio.timeout(self.order.start_timeout_seconds):
                outcome = await self._brought_up(incarnation, plan)
        except asyncio.CancelledError:
            # The agent leaves: the next one finds what was started, and goes on with it.
            leaving = True
            raise
        except TimeoutError:
            problem = f"it did not answer within {self.order.start_timeout_seconds:g} s"
            return start_failed(problem, self.folder.log_since(log_begin))
        except LaunchFailed as error:
            return start_failed(str(error), self.folder.log_since(log_begin))
        except OSError as error:
            if isinstance(full := storage_error(error), StorageFull):
                raise full from error
            return start_failed(f"the system refused: {error.strerror or error}")
        except Exception as error:
            self.log.exception("launcher.failed")
            return start_failed(f"its launcher failed: {error!r}", self.folder.log_since(log_begin))
        finally:
            if leaving:
                incarnation.close()
            elif not isinstance(outcome, bytes):
                await self._put_away(incarnation)
        if isinstance(outcome, ExitResult):
            return self._failed(outcome, log_begin)
        return None if outcome is None else (incarnation, outcome)

    def _incarnation(self, plan: LaunchPlan, candidate: _Candidate) -> Incarnation:
        bond = Bond(
            kernel_id=self.order.kernel_id,
            attempt=self.order.attempt,
            interrupt_mode=plan.interrupt_mode,
            hearer=self.hearer,
            before_hearing=self.surroundings.standstill.look,
        )
        incarnation = Incarnation(self.surroundings.context, bond, self.log, candidate.launcher)
        incarnation.lossless = candidate.lossless
        return incarnation

    async def _brought_up(
        self, incarnation: Incarnation, plan: LaunchPlan
    ) -> bytes | ExitResult | None:
        """Return who the kernel says it is, how it ended before it could, or None if turned."""
        turned = self.turned
        if not await first_of(self._started(incarnation), turned()):
            return None
        self._note(incarnation, plan)
        met = await first_of(turned(), incarnation.exit(), incarnation.launcher.connection_info())
        if not isinstance(met, Connection):
            return met
        self._keep(met)
        incarnation.open(met)
        return await first_of(turned(), incarnation.ready(), incarnation.exit())

    def _keep(self, connection: Connection) -> None:
        """Leave the connection where a later agent looks for it."""
        file = self.folder.connection(self.order.attempt)
        if read_connection(file) != connection:
            write_connection(file, connection)

    async def _started(self, incarnation: Incarnation) -> bool:
        await incarnation.start()
        return True

    def _note(self, incarnation: Incarnation, plan: LaunchPlan) -> None:
        """Hold a process to its limits, and write down how to find the kernel again."""
        held = incarnation.launcher.resources
        if held.pid is not None and incarnation.launcher.owned:
            incarnation.held = self.surroundings.limits.hold(self.order, held.pid)
        self.folder.write_process(
            ProcessRecord(
                pid=held.pid,
                start_time=held.start_time,
                boot_id=boot_id(),
                attempt=self.order.attempt,
                interrupt_mode=plan.interrupt_mode,
                lossless=incarnation.lossless,
                memory_kills=incarnation.held.kills if incarnation.held else 0,
                launcher=None if plan.launcher is None else incarnation.launcher.record(),
            )
        )
        self.on_started(incarnation, held.pid)

    async def _put_away(self, incarnation: Incarnation) -> None:
        """End what was started in vain, whether it has ended already or not."""
        await incarnation.end(gently=False)
        await incarnation.clean_up()
        if incarnation.launcher.owned:
            await asyncio.to_thread(self.surroundings.table.kill, self.order.kernel_id)
        self.surroundings.limits.release(self.order.kernel_id)

    def _failed(self, exit_: ExitResult, log_begin: int) -> KernelEnd:
        self.log.info("kernel.start_failed", how=exit_.sentence())
        verb = f"was {exit_.sentence()}" if exit_.signal else exit_.sentence()
        problem = f"its process {verb} before it answered"
        return start_failed(problem, self.folder.log_since(log_begin) or exit_.tail, exit_)
