"""Opening a journal that an agent has left, whatever stopped it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from kernelyard.agent.checkpoint import Checkpoint, first_behind_hole, read_checkpoint, stands_at
from kernelyard.agent.holes import begin_of_data
from kernelyard.agent.journal import CHUNK, Journal, note
from kernelyard.agent.recall import Recollection
from kernelyard.model.records import Record, RecordKind
from kernelyard.wire import journal as wire

Place = tuple[int, int]
"""Number and offset of a record."""
BEGINNING: Place = (1, 0)


def recover(
    path: Path, also: Callable[[Record], None] | None = None
) -> tuple[Journal, Recollection]:
    """Open a journal, new or cut anywhere by a crash; return it with what it tells.

    Where its head was cut away, the checkpoint says what stood there. Should that be unreadable too,
    or the record that it names be missing, the journal counts as damaged: what is there is kept and
    can be read, but nobody can know any more what the kernel had run. ``also`` is called with every
    record that is there.
    """
    path.touch(mode=0o600)
    with path.open("rb") as file:
        place, checkpoint, lost = _where_to_begin(path, file.fileno())
    memory = checkpoint.memory if checkpoint else Recollection()
    if path.stat().st_size < place[1]:
        # The disk has lost even what the checkpoint names: what is appended shall stand there.
        os.truncate(path, place[1])

    def take_in(record: Record) -> None:
        memory.take_in(record)
        if also is not None:
            also(record)

    journal = recover_journal(path, take_in, place)
    journal.damaged |= lost
    return journal, memory


def recover_journal(
    path: Path, recall: Callable[[Record], None], begin: Place = BEGINNING
) -> Journal:
    """Open a journal from a place on; ``recall`` is called with every record.

    A torn last record is cut off. Should a record in the middle be damaged, the journal is cut there
    and the rest is kept aside in ``journal.corrupt-<n>``.
    """
    scan = _Scan(recall, begin)
    path.touch(mode=0o600)
    with path.open("rb") as file:
        damaged = scan.run(file.fileno(), path.stat().st_size)
    if damaged:
        _keep_aside(path, scan.size)
    if path.stat().st_size > scan.size:
        os.truncate(path, scan.size)
    journal = Journal(
        path,
        size=scan.size,
        last_number=scan.number,
        last_at=scan.at,
        index=scan.index,
        closed=scan.ended,
    )
    journal.damaged = damaged
    return journal


def _where_to_begin(path: Path, descriptor: int) -> tuple[Place, Checkpoint | None, bool]:
    """Return the first record to read, what is known of those before, and whether some are lost."""
    checkpoint = read_checkpoint(path)
    if checkpoint is not None:
        return checkpoint.place, checkpoint, not stands_at(descriptor, checkpoint.place)
    if begin_of_data(descriptor) == 0:
        return BEGINNING, None, False
    return first_behind_hole(descriptor) or BEGINNING, None, True


class _Scan:
    """Reads a file from a place to the end of what is whole."""

    def __init__(self, recall: Callable[[Record], None], begin: Place) -> None:
        self.number, self.size, self.at = begin[0] - 1, begin[1], 0
        self.index: list[tuple[int, int]] = []
        self.ended = False
        self._recall = recall

    def run(self, descriptor: int, file_size: int) -> bool:
        """Read; return whether damage ended it. A record whose end is missing is no damage."""
        wanted = CHUNK
        while self.size < file_size:
            data = os.pread(descriptor, wanted, self.size)
            records, damaged = _split(data)
            for record in records:
                if record.number != self.number + 1 or self.ended:
                    return True
                self._enter(record)
            if damaged:
                return True
            wanted = CHUNK
            if not records:
                if len(data) < wire.HEADER_SIZE:
                    return False
                wanted = wire.peek_length(data)
                if self.size + wanted > file_size:
                    return False
        return False

    def _enter(self, record: Record) -> None:
        note(self.index, record.number, self.size)
        self.number, self.at = record.number, max(self.at, record.at)
        self.size += wire.HEADER_SIZE + len(record.body)
        self.ended = record.kind is RecordKind.KERNEL_ENDED
        self._recall(record)


def _split(data: bytes) -> tuple[list[Record], bool]:
    """Return the whole records up to the first damaged one, and whether there is one."""
    try:
        return wire.split(data)[0], False
    except wire.CorruptRecord:
        pass
    records: list[Record] = []
    at = 0
    while True:
        length = wire.peek_length(data[at : at + wire.HEADER_SIZE])
        try:
            found, taken = wire.split(data[at : at + length])
        except wire.CorruptRecord:
            return records, True
        records += found
        at += taken


def _keep_aside(path: Path, begin: int) -> None:
    n = 1
    while (aside := path.with_name(f"{path.name}.corrupt-{n}")).exists():
        n += 1
    with path.open("rb") as damaged, aside.open("xb") as rest:
        # What was cut away need not be kept as zeros.
        damaged.seek(max(begin, begin_of_data(damaged.fileno())))
        while chunk := damaged.read(CHUNK):
            rest.write(chunk)
