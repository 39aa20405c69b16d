"""The journal of one kernel: an append-only file of records, numbered without holes.

Append before tell: a record is in the file before any follower hears of it. While the disk is full,
records wait in memory with their numbers and times, and are written when there is space again.
"""

from __future__ import annotations

import asyncio
import os
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable
from pathlib import Path

from kernelyard.agent.disk import append_whole, open_appendable
from kernelyard.model.errors import Invalid, StorageFull
from kernelyard.model.quantities import Micros
from kernelyard.model.records import Record, RecordKind
from kernelyard.wire import journal as wire

Entry = tuple[int, RecordKind, bytes]
"""Task, kind and body of a record that has no number yet."""

INDEX_STEP = 256 * 1024
CHUNK = 1024 * 1024
RETRY_SECONDS = 1.0


def wall_clock() -> Micros:
    """Microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1000


class Journal:
    """An open journal: one writer, any number of readers."""

    def __init__(
        self,
        path: Path,
        *,
        size: int = 0,
        last_number: int = 0,
        last_at: Micros = 0,
        index: list[tuple[int, int]] | None = None,
        closed: bool = False,
    ) -> None:
        """Open a file whose content is known to be as the arguments say."""
        self.path = path
        self.last_number = last_number
        """Number of the last record in the file."""
        self.size = size
        self.last_at = last_at
        self.closed = closed
        self.damaged = False
        """Whether it was found damaged in the middle and cut there."""
        """Whether the last record is in the file and says that the kernel ended."""
        self.index = index if index is not None else []
        """Number and offset of a record every so many bytes, both ascending."""
        self.listeners: set[Callable[[], None]] = set()
        """Called after every append and at the close; one per follower."""
        self._descriptor = open_appendable(path)
        self._next_number = last_number + 1
        self._waiting: list[Record] = []
        self._waiting_bytes = 0
        self._ending = closed

    @property
    def backlog(self) -> int:
        """Bytes that wait for space on the disk; 0 when all is well."""
        return self._waiting_bytes

    def append(self, entries: Iterable[Entry]) -> None:
        """Number the entries, write them with one call, then wake the followers.

        Nothing can be appended behind the record that ends the kernel.
        """
        if self._ending:
            return
        self.last_at = at = max(wall_clock(), self.last_at)
        begin = len(self._waiting)
        for seq, kind, body in entries:
            self._waiting.append(Record(self._next_number, at, seq, kind, body))
            self._next_number += 1
            if kind is RecordKind.KERNEL_ENDED:
                self._ending = True
                break
        if self._waiting_bytes:
            self._waiting_bytes += sum(len(record.body) for record in self._waiting[begin:])
        else:
            self._write()

    async def until_closed(self) -> None:
        """Wait until the last record is in the file."""
        written = asyncio.Event()
        self.listeners.add(written.set)
        try:
            while not self.closed:
                written.clear()
                await written.wait()
        finally:
            self.listeners.discard(written.set)

    def check_after(self, number: int, at: Micros | None = None) -> None:
        """Raise Invalid if there is no record ``number``, or it is not the one of the time ``at``."""
        if number > self.last_number or number < 0:
            raise Invalid(
                f"There is no record {number} yet; the last one is {self.last_number}.",
                field="after",
            )
        if number and at is not None and self._time_of(number) != at:
            raise Invalid(
                f"Record {number} is another one than was followed before.", field="after"
            )

    def _time_of(self, number: int) -> Micros:
        offset = self.offset_after(number - 1)
        return wire.peek_time(os.pread(self._descriptor, wire.HEADER_SIZE, offset))

    def offset_after(self, number: int) -> int:
        """Return where the record behind ``number`` begins. Raises Invalid if it does not exist yet."""
        self.check_after(number)
        if number == self.last_number:
            return self.size
        at = bisect_right(self.index, number + 1, key=lambda entry: entry[0]) - 1
        found, offset = self.index[at]
        while found <= number:
            offset += wire.peek_length(os.pread(self._descriptor, wire.HEADER_SIZE, offset))
            found += 1
        return offset

    def read(self, offset: int, most: int = CHUNK) -> bytes:
        """Return whole encoded records from ``offset`` on, at most ``most`` bytes or else one record.

        Empty bytes when there are none, or when the journal was closed.
        """
        wanted = min(most, self.size - offset)
        if wanted <= 0 or not self.is_open:
            return b""
        data = os.pread(self._descriptor, wanted, offset)
        if offset + wanted == self.size:
            return data
        end = _whole(data)
        if end:
            return data[:end]
        return os.pread(self._descriptor, wire.peek_length(data), offset)

    def close(self) -> None:
        """Close the file. Followers that wait are woken and find nothing new."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        self._tell()

    def close_when_unread(self) -> None:
        """Close the file if it is complete and nobody reads it."""
        if self.closed and not self.listeners:
            self.close()

    @property
    def is_open(self) -> bool:
        return self._descriptor >= 0

    def _write(self) -> None:
        records = self._waiting
        if not records or self._descriptor < 0:
            return
        chunks = [wire.encode(record) for record in records]
        try:
            append_whole(self._descriptor, b"".join(chunks), self.size)
        except (StorageFull, OSError):
            # Whatever is wrong with the disk, what happened is not dropped.
            self._waiting_bytes = sum(map(len, chunks))
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._write)
            return
        for record, chunk in zip(records, chunks, strict=True):
            note(self.index, record.number, self.size)
            self.size += len(chunk)
        self.last_number = records[-1].number
        self._waiting, self._waiting_bytes = [], 0
        self.closed = self._ending
        self._tell()

    def _tell(self) -> None:
        for listener in tuple(self.listeners):
            listener()


def recover_journal(path: Path, recall: Callable[[Record], None]) -> Journal:
    """Open a journal, new or cut anywhere by a crash; ``recall`` is called with every record.

    A torn last record is cut off. Should a record in the middle be damaged, the journal is cut there
    and the rest is kept aside in ``journal.corrupt-<n>``.
    """
    scan = _Scan(recall)
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


def note(index: list[tuple[int, int]], number: int, offset: int) -> None:
    """Enter a record into a sparse index if it lies far enough behind the last one in it."""
    if not index or offset - index[-1][1] >= INDEX_STEP:
        index.append((number, offset))


class _Scan:
    """Reads a file from its beginning to the end of what is whole."""

    def __init__(self, recall: Callable[[Record], None]) -> None:
        self.number = self.size = self.at = 0
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
        damaged.seek(begin)
        while chunk := damaged.read(CHUNK):
            rest.write(chunk)


def _whole(data: bytes) -> int:
    """Return where the last whole record in ``data`` ends."""
    at = 0
    while at + wire.HEADER_SIZE <= len(data):
        end = at + wire.peek_length(data[at : at + wire.HEADER_SIZE])
        if end > len(data):
            break
        at = end
    return at
