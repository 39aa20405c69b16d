"""Finding the process of a kernel again after its agent had died."""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass, replace

from kernelyard.agent.connection import read_connection
from kernelyard.agent.endings import KernelEnd, died
from kernelyard.agent.folder import Folder, ProcessRecord
from kernelyard.agent.incarnation import Bond, Hearer, Incarnation
from kernelyard.agent.launching import Surroundings
from kernelyard.agent.logs import Log
from kernelyard.agent.processes import Exit, KernelProcess
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.records import EndCause


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What was found: a process that lives, the end of one, or neither if none was started yet."""

    incarnation: Incarnation | None = None
    end: KernelEnd | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Looks for the process that was started for an order."""

    surroundings: Surroundings
    folder: Folder
    order: LaunchOrder
    hearer: Hearer
    log: Log
    on_first_sound: Callable[[], None]

    def run(self) -> Found:
        """Find it. What was left of an earlier start, or started and never noted, is killed."""
        record = self.folder.read_process()
        process = _adopted(record)
        if record is None or record.attempt != self.order.attempt:
            if process is not None:
                process.signal(signal.SIGKILL)
            self.surroundings.table.kill(self.folder.kernel_id)
            return Found()
        if process is None:
            held = self.surroundings.limits.find_again(self.order, record.memory_kills)
            fate = held.memory_fate()
            return Found(end=died(Exit(None, None), "", replace(fate, suspected=False)))
        connection = read_connection(self.folder.connection(record.attempt))
        if connection is None:
            process.signal(signal.SIGKILL)
            reason = "its connection file was lost, so nobody could speak to it any more"
            return Found(end=KernelEnd(cause=EndCause.AGENT_LOST, reason=reason))
        bond = Bond(
            kernel_id=self.folder.kernel_id,
            attempt=record.attempt,
            interrupt_mode=record.interrupt_mode,
            connection=connection,
            hearer=self.hearer,
            before_hearing=self.surroundings.standstill.look,
            adopted=True,
            on_first_sound=self.on_first_sound,
        )
        incarnation = Incarnation(self.surroundings.context, bond, self.log, process)
        incarnation.lossless = record.lossless
        incarnation.held = self.surroundings.limits.find_again(self.order, record.memory_kills)
        return Found(incarnation=incarnation)


def _adopted(record: ProcessRecord | None) -> KernelProcess | None:
    if record is None:
        return None
    return KernelProcess.adopt(record.pid, record.start_time, record.boot_id)
