"""Cutting journals: what is stored elsewhere need not take space here as well.

First it is written down what the head of the journal has told, then it is freed; so a crash at any
point leaves a journal that can be opened. Only whole blocks are freed, and every offset stays.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from weakref import WeakValueDictionary

from kernelyard.agent.checkpoint import (
    Checkpoint,
    checkpoint_path,
    read_checkpoint,
    write_checkpoint,
)
from kernelyard.agent.folder import Folder
from kernelyard.agent.holes import can_free, free_head
from kernelyard.agent.journal import CHUNK, Journal
from kernelyard.agent.logs import Log
from kernelyard.agent.recall import Recollection
from kernelyard.wire import journal as wire

WORTH_BYTES = 4096
Place = tuple[int, int]


class Cuts:
    """Cuts journals, one cut of a journal at a time. Where holes cannot be punched, nothing is cut."""

    def __init__(self, kernels_dir: Path, log: Log) -> None:
        self._kernels_dir = kernels_dir
        self._log = log
        self._possible: bool | None = None
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def alone(self, kernel_id: str) -> asyncio.Lock:
        """What to hold while a kernel's journal is cut, or its directory removed."""
        lock = self._locks.get(kernel_id)
        if lock is None:
            lock = self._locks[kernel_id] = asyncio.Lock()
        return lock

    async def cut(self, journal: Journal, folder: Folder, number: int) -> None:
        """Let go of what is before the record ``number``. Raises Invalid if there is none."""
        place, before = journal.place_to_cut(number), list(journal.index)
        if not before or not await self._can_cut() or not journal.is_open:
            return
        if not journal.closed and place[1] - before[0][1] < WORTH_BYTES:
            return
        journal.cut(place)
        descriptor = journal.descriptor()
        try:
            await asyncio.to_thread(cut_file, journal, folder, descriptor, new=place != before[0])
        except (OSError, wire.CorruptRecord) as error:
            journal.index[:0] = [entry for entry in before if entry[0] < place[0]]
            self._log.warning("journal.not_cut", kernel_id=folder.kernel_id, problem=str(error))
        finally:
            os.close(descriptor)

    async def _can_cut(self) -> bool:
        if self._possible is None:
            self._possible = await asyncio.to_thread(can_free, self._kernels_dir)
            if not self._possible:
                self._log.warning("journal.cannot_be_cut", place=str(self._kernels_dir))
        return self._possible


def cut_file(journal: Journal, folder: Folder, descriptor: int, *, new: bool = True) -> None:
    """Free what lies before the journal's first record. Raises OSError, CorruptRecord.

    If that record is not ``new``, it was begun before, and perhaps not brought to its end.
    """
    place = journal.index[0]
    if journal.closed:
        if new:
            folder.mark_ended(journal)
        checkpoint_path(journal.path).unlink(missing_ok=True)
    else:
        note_before(journal.path, descriptor, place)
    free_head(descriptor, place[1])


def note_before(path: Path, descriptor: int, place: Place) -> None:
    """Write down what the records before a place have told, going on from what is written already."""
    known = read_checkpoint(path) or Checkpoint(1, 0, Recollection())
    number, offset, memory = known.number, known.offset, known.memory
    wanted = CHUNK
    while (left := place[1] - offset) > 0:
        records, taken = wire.split(os.pread(descriptor, min(wanted, left), offset))
        if not taken and wanted >= left:
            raise wire.CorruptRecord(f"record {number} does not end where {place[0]} begins")
        for record in records:
            if record.number != number:
                raise wire.CorruptRecord(f"record {record.number} stands where {number} should")
            memory.take_in(record)
            number += 1
        offset += taken
        wanted = CHUNK if taken else wanted * 2
    if number != place[0]:
        raise wire.CorruptRecord(f"record {number} stands where {place[0]} should")
    # What the checkpoint names must be on the disk before it.
    os.fsync(descriptor)
    write_checkpoint(path, Checkpoint(*place, memory))
