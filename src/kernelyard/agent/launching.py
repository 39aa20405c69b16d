"""Starting a kernel's process, and bringing it to the point where it answers."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path

import zmq

from kernelyard.agent.belongings import KERNEL_ID, ProcessTable
from kernelyard.agent.connection import over_ipc, over_tcp, write_connection
from kernelyard.agent.disk import storage_error
from kernelyard.agent.endings import KernelEnd, start_failed
from kernelyard.agent.environment import kernel_environment
from kernelyard.agent.folder import Folder, ProcessRecord
from kernelyard.agent.incarnation import Bond, Hearer, Incarnation
from kernelyard.agent.limits import Limits
from kernelyard.agent.logs import Log
from kernelyard.agent.lossless import without_loss
from kernelyard.agent.places import ipc_prefix, remove_ipc
from kernelyard.agent.processes import Exit, KernelProcess, boot_id
from kernelyard.agent.standstill import Standstill
from kernelyard.agent.waiting import first_of
from kernelyard.model.errors import StorageFull, YardError
from kernelyard.model.kernels import LaunchOrder
from kernelyard.providers.argv import fill
from kernelyard.providers.catalogue import Catalogue
from kernelyard.providers.launcher import LaunchRequest
from kernelyard.providers.provider import LaunchPlan
from kernelyard.wire.connections import Transport

TRANSPORTS: tuple[Transport, ...] = ("ipc", "tcp")
"""In the order in which they are tried; few kernels cannot use unix sockets, and end at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every kernel of an agent shares."""

    data_dir: Path
    catalogue: Catalogue
    context: zmq.Context[zmq.Socket[bytes]]
    limits: Limits
    table: ProcessTable
    standstill: Standstill
    log: Log


@dataclass(frozen=True, slots=True, kw_only=True)
class Launching:
    """One attempt to start a kernel."""

    surroundings: Surroundings
    folder: Folder
    order: LaunchOrder
    hearer: Hearer
    log: Log
    on_started: Callable[[Incarnation, int], None]
    """Called with the incarnation and its pid as soon as there is a process."""
    turned: Callable[[], Coroutine[object, object, None]]
    """Returns when somebody wants the kernel to stop or restart instead."""

    async def run(self) -> tuple[Incarnation, bytes] | KernelEnd | None:
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
        for transport in TRANSPORTS:
            outcome = await self._attempt(plan, transport)
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

    async def _attempt(
        self, plan: LaunchPlan, transport: Transport
    ) -> tuple[Incarnation, bytes] | KernelEnd | None:
        log_begin = self.folder.log_size()
        try:
            incarnation = self._start(plan, transport)
            await self._note(incarnation, plan)
            outcome = await self._brought_up(incarnation)
        except StorageFull:
            raise
        except YardError as error:
            return start_failed(error.message)
        except TimeoutError:
            problem = f"it did not answer within {self.order.start_timeout_seconds:g} s"
            return start_failed(problem, self.folder.log_since(log_begin))
        except (OSError, ValueError) as error:
            if isinstance(full := storage_error(error), StorageFull):
                raise full from error
            return start_failed(f"{plan.argv[0]!r} cannot be run: {_told(error)}")
        if outcome is None:
            return None
        return (
            self._failed(outcome, log_begin)
            if isinstance(outcome, Exit)
            else (incarnation, outcome)
        )

    def _start(self, plan: LaunchPlan, transport: Transport) -> Incarnation:
        order = self.order
        prefix = ipc_prefix(self.surroundings.data_dir, order.kernel_id, order.attempt)
        remove_ipc(prefix)
        connection = over_ipc(prefix, order.image) if transport == "ipc" else over_tcp(order.image)
        file = self.folder.connection(order.attempt)
        write_connection(file, connection)
        bond = Bond(
            kernel_id=order.kernel_id,
            attempt=order.attempt,
            interrupt_mode=plan.interrupt_mode,
            connection=connection,
            hearer=self.hearer,
            before_hearing=self.surroundings.standstill.look,
        )
        incarnation = Incarnation(self.surroundings.context, bond, self.log)
        filled = fill(plan.argv, connection_file=file, resource_dir=plan.resource_dir)
        argv, incarnation.lossless = without_loss(filled)
        try:
            process = KernelProcess.start(
                argv,
                env=kernel_environment(
                    os.environ, plan.env, {**order.environment, KERNEL_ID: order.kernel_id}
                ),
                cwd=self.folder.work,
                log_path=self.folder.log,
            )
        except BaseException:
            incarnation.close()
            raise
        incarnation.process = process
        return incarnation

    async def _note(self, incarnation: Incarnation, plan: LaunchPlan) -> None:
        """Hold a process to its limits and write down how to find it again, or end it."""
        process = incarnation.process
        assert process is not None  # noqa: S101 - it was just started
        try:
            held = self.surroundings.limits.hold(self.order, process.pid)
            incarnation.held = held
            self.folder.write_process(
                ProcessRecord(
                    pid=process.pid,
                    start_time=process.start_time,
                    boot_id=boot_id(),
                    attempt=self.order.attempt,
                    interrupt_mode=plan.interrupt_mode,
                    lossless=incarnation.lossless,
                    memory_kills=held.kills,
                )
            )
        except BaseException:
            await incarnation.end(gently=False)
            incarnation.close()
            self.surroundings.limits.release(self.order.kernel_id)
            raise
        self.on_started(incarnation, process.pid)

    async def _brought_up(self, incarnation: Incarnation) -> bytes | Exit | None:
        """Return who the kernel says it is, how it ended before it could, or None if turned.

        Raises TimeoutError when it does neither in the time it has.
        """
        outcome: bytes | Exit | None = None
        try:
            outcome = await first_of(
                self.turned(),
                incarnation.ready(),
                incarnation.exit(),
                timeout=self.order.start_timeout_seconds,
            )
        except TimeoutError:
            await incarnation.end(gently=False)
            raise
        finally:
            if not isinstance(outcome, bytes):
                incarnation.close()
        return outcome

    def _failed(self, exit_: Exit, log_begin: int) -> KernelEnd:
        self.log.info("kernel.start_failed", how=exit_.sentence())
        verb = f"was {exit_.sentence()}" if exit_.signal else exit_.sentence()
        problem = f"its process {verb} before it answered"
        return start_failed(problem, self.folder.log_since(log_begin), exit_)


def _told(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "there is no such program"
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
