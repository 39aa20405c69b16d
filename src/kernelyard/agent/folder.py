"""The directory of one kernel, and the small files in it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from kernelyard.agent.disk import storage_error
from kernelyard.agent.journal import Journal
from kernelyard.agent.kernel_log import KernelLog
from kernelyard.agent.places import sync, write_private
from kernelyard.model.kernels import LaunchOrder
from kernelyard.providers.quirks import Quirks
from kernelyard.wire.journal import HEADER_SIZE


class ProcessRecord(msgspec.Struct, frozen=True):
    """What is needed to find a kernel again, and to talk to it."""

    pid: int | None
    """None for a kernel that is no process of this machine."""
    start_time: int | None
    boot_id: str
    attempt: int
    interrupt_mode: Literal["signal", "message"] = "signal"
    lossless: bool = False
    forked: bool = False
    """Whether it was forked from a zygote, and is no program that was started anew."""
    memory_kills: int = 0
    """Processes of its group that the system had killed for want of memory when it began."""
    quirks: Quirks = Quirks()
    launcher: dict[str, Any] | None = None
    """What the launcher of its provider told, where the provider brought one."""


class _EndedMark(msgspec.Struct, frozen=True):
    """Lets an ended kernel's journal be opened without reading all of it."""

    size: int
    last_number: int
    last_at: int
    index: list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Folder:
    """Where everything of one kernel lies."""

    path: Path

    @property
    def kernel_id(self) -> str:
        return self.path.name

    @property
    def journal(self) -> Path:
        return self.path / "journal"

    @property
    def queue(self) -> Path:
        return self.path / "queue"

    @property
    def work(self) -> Path:
        return self.path / "work"

    @property
    def log(self) -> Path:
        return self.path / "kernel.log"

    def connection(self, attempt: int) -> Path:
        """The connection file of one start."""
        return self.path / f"connection-{attempt}.json"

    def exit_file(self, attempt: int) -> Path:
        """Where the parent of one start's process leaves word how it ended."""
        return self.path / f"exit-{attempt}.json"

    def forget_exits(self, before: int) -> None:
        """Remove the words of starts before one: what they say is in the journal."""
        for path in self.path.glob("exit-*.json"):
            number = path.stem.removeprefix("exit-")
            if number.isdigit() and int(number) < before:
                path.unlink(missing_ok=True)

    def make(self) -> None:
        """Make the directory and the work directory in it, for their owner only."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.mkdir(mode=0o700, exist_ok=True)
        self.work.mkdir(mode=0o700, exist_ok=True)

    def write_order(self, order: LaunchOrder) -> None:
        """Keep what is asked for. Until it is seen on the disk, it may be lost with the machine."""
        write_private(self.path / "order.json", msgspec.json.encode(order), see_on_disk=False)

    async def order_on_disk(self) -> None:
        """Return when what was asked for is on the disk. Raises what a disk that fails is told as."""
        try:
            await asyncio.to_thread(self._see_order_on_disk)
        except OSError as error:
            raise storage_error(error) from error

    def _see_order_on_disk(self) -> None:
        for path in (self.path / "order.json", self.path):
            sync(path)

    def read_order(self) -> LaunchOrder | None:
        """What was asked for; None if it was never written."""
        try:
            data = (self.path / "order.json").read_bytes()
            return msgspec.json.decode(data, type=LaunchOrder)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def write_process(self, record: ProcessRecord) -> None:
        """Keep what is needed to find the process again."""
        # A process of this machine does not outlive the system; what a launcher started may.
        elsewhere = record.launcher is not None
        write_private(
            self.path / "process.json", msgspec.json.encode(record), see_on_disk=elsewhere
        )

    def read_process(self) -> ProcessRecord | None:
        """The process that was started last; None if none was."""
        try:
            data = (self.path / "process.json").read_bytes()
            return msgspec.json.decode(data, type=ProcessRecord)
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def log_size(self) -> int:
        """How much the kernel's process has printed so far."""
        return KernelLog(self.log).size

    def log_since(self, begin: int) -> str:
        """The last lines that the kernel's process printed since its log was ``begin`` bytes long."""
        return KernelLog(self.log).tail(begin)

    @property
    def has_ended(self) -> bool:
        """Whether the journal is known to be closed."""
        return (self.path / "ended.json").exists()

    def mark_ended(self, journal: Journal) -> None:
        """Note that the journal is closed, and how to open it quickly."""
        mark = _EndedMark(journal.size, journal.last_number, journal.last_at, journal.index)
        write_private(self.path / "ended.json", msgspec.json.encode(mark))

    def open_ended(self) -> Journal | None:
        """Open the journal of an ended kernel; None if its mark and its size disagree."""
        try:
            data = (self.path / "ended.json").read_bytes()
            mark = msgspec.json.decode(data, type=_EndedMark)
            size = self.journal.stat().st_size
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        if size != mark.size or size < HEADER_SIZE:
            return None
        return Journal(
            self.journal,
            size=mark.size,
            last_number=mark.last_number,
            last_at=mark.last_at,
            index=mark.index,
            closed=True,
        )
