"""The journal of one kernel: an append-only file of records, numbered without holes.

Append before tell: a record is in the file before any follower hears of it. While the disk is full,
records wait in memory with their numbers and times, and are written when there is space again.

The head of the file may be cut away once it is stored elsewhere; numbers and offsets stay.
"""

from __future__ import annotations

import asyncio
import os
import time
from bisect import bisect_right
from collections.abc import Callable, Iterable
from pathlib import Path

from kernelyard.agent.disk import append_pieces, open_appendable
from kernelyard.model.errors import Invalid, RecordsGone, StorageFull, YardError
from kernelyard.model.quantities import Micros
from kernelyard.model.records import Record, RecordKind
from kernelyard.wire import journal as wire

Entry = tuple[int, RecordKind, bytes]
"""Task, kind and body of a record that has no number yet."""

INDEX_STEP = 256 * 1024
CHUNK = 1024 * 1024
RETRY_SECONDS = 1.0
START_SECONDS = 0.005
"""How long followers may hear later that a task has begun, if nothing else happens."""


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
        """Whether the last record is in the file and says that the kernel ended."""
        self.damaged = False
        """Whether it was found damaged and has lost records that nobody can tell of any more."""
        self.index = index if index is not None else []
        """Number and offset of a record every so many bytes, both ascending; the first record first."""
        self.listeners: set[Callable[[], None]] = set()
        """Called after every append and at the close; one per follower."""
        self.watchers: set[Callable[[list[Record]], None]] = set()
        """Called with what was just written, by those who need no file to read it in."""
        self._readings: set[Reading] = set()
        self._descriptor = open_appendable(path)
        self._next_number = last_number + 1
        self._waiting: list[Record] = []
        self._waiting_bytes = 0
        self._retry: asyncio.TimerHandle | None = None
        self._telling: asyncio.TimerHandle | None = None
        self._untold = False
        """Whether followers have not been woken for the last record."""
        self.when_written: Callable[[], None] | None = None
        """Called when what had waited for space on the disk is in the file."""
        self._ending = closed

    @property
    def next_number(self) -> int:
        """The number that the next record will have."""
        return self._next_number

    @property
    def backlog(self) -> int:
        """Bytes that wait for space on the disk; 0 when all is well."""
        return self._waiting_bytes

    def append_if_possible(self, entry: Entry) -> bool:
        """Append an entry only if it can be written now; return whether it is in the file."""
        if self._waiting_bytes or self._ending:
            return False
        before = self._next_number
        if self._append([entry]):
            return True
        # Nobody has seen it yet: it never was.
        self._waiting, self._waiting_bytes, self._next_number = [], 0, before
        if self._retry is not None:
            self._retry.cancel()
        return False

    def append(self, entries: Iterable[Entry]) -> None:
        """Number the entries, write them with one call, then wake the followers.

        While there is no space on the disk they wait in memory.

        Nothing can be appended behind the record that ends the kernel.
        """
        self._append(entries)

    def _append(self, entries: Iterable[Entry]) -> bool:
        """Append; return whether everything is in the file."""
        if self._ending:
            return True
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
        return not self._waiting_bytes

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

    @property
    def first_number(self) -> int:
        """Number of the first record that is in the file; of the next one if there is none."""
        return self.index[0][0] if self.index else self.last_number + 1

    def read_after(self, number: int, at: Micros | None = None) -> Reading:
        """Begin to read behind the record ``number``, which is of the time ``at``.

        Raises Invalid if there is no such record, RecordsGone if it was cut away.
        """
        try:
            self._check_after(number, at)
            reading = Reading(self, self.offset_after(number))
        except YardError:
            self.close_when_unread()
            raise
        self._readings.add(reading)
        return reading

    def leave(self, reading: Reading) -> None:
        """Somebody does not read any more."""
        self._readings.discard(reading)
        self.close_when_unread()

    def place_to_cut(self, number: int) -> tuple[int, int]:
        """Return number and offset of the record up to which all may be cut away: ``number`` at most.

        Nobody who reads stands before it. Raises Invalid if there is no record ``number``.
        """
        self._check_exists(number)
        number = max(number, self.first_number)
        offset = self.offset_after(number - 1)
        slowest = min((reading.offset for reading in self._readings), default=offset)
        if offset <= slowest:
            return number, offset
        return self.index[bisect_right(self.index, slowest, key=lambda entry: entry[1]) - 1]

    def cut(self, place: tuple[int, int]) -> None:
        """Offer nothing any more that lies before a place; whoever asks for it is told so."""
        self.index[:] = [place, *(entry for entry in self.index if entry[0] > place[0])]

    def descriptor(self) -> int:
        """A descriptor of the file, for whoever asks to close; reading does not disturb others."""
        return os.dup(self._descriptor)

    def _check_after(self, number: int, at: Micros | None) -> None:
        self._check_exists(number)
        first = self.first_number
        if number < (first - 1 if at is None or number == 0 else first):
            raise RecordsGone(
                f"Record {number} was cut away after it had been stored; the first is {first}.",
                first=first,
            )
        if number and at is not None and self._time_of(number) != at:
            raise Invalid(
                f"Record {number} is another one than was followed before.", field="after"
            )

    def _check_exists(self, number: int) -> None:
        if number > self.last_number or number < 0:
            raise Invalid(
                f"There is no record {number} yet; the last one is {self.last_number}.",
                field="after",
            )

    def _time_of(self, number: int) -> Micros:
        offset = self.offset_after(number - 1)
        return wire.peek_time(os.pread(self._descriptor, wire.HEADER_SIZE, offset))

    def offset_after(self, number: int) -> int:
        """Return where the record behind ``number`` begins. Raises Invalid, RecordsGone."""
        self._check_after(number, None)
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

    def flush(self) -> None:
        """Try once more to write what waits for space."""
        if self._waiting_bytes:
            if self._retry is not None:
                self._retry.cancel()
            self._write()

    def close(self) -> None:
        """Close the file. Followers that wait are woken and find nothing new."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
        self._tell()

    def close_when_unread(self) -> None:
        """Close the file if it is complete and nobody reads it."""
        if self.closed and not self.listeners and not self._readings:
            self.close()

    @property
    def is_open(self) -> bool:
        return self._descriptor >= 0

    def _write(self) -> None:
        records = self._waiting
        if not records or self._descriptor < 0:
            return
        waited = self._waiting_bytes > 0
        pieces = [piece for record in records for piece in (wire.header_of(record), record.body)]
        try:
            append_pieces(self._descriptor, pieces, self.size)
        except (StorageFull, OSError):
            # Whatever is wrong with the disk, what happened is not dropped.
            self._waiting_bytes = sum(map(len, pieces))
            self._retry = asyncio.get_running_loop().call_later(RETRY_SECONDS, self._write)
            return
        for record in records:
            note(self.index, record.number, self.size)
            self.size += wire.HEADER_SIZE + len(record.body)
        self.last_number = records[-1].number
        self._waiting, self._waiting_bytes = [], 0
        self.closed = self._ending
        if len(records) == 1 and records[0].kind is RecordKind.STARTED:
            self._untold = True
            self._tell_soon()
        else:
            self._tell()
        for watcher in tuple(self.watchers):
            watcher(records)
        if waited and self.when_written is not None:
            self.when_written()

    def _tell_soon(self) -> None:
        """Nobody waits for a start by itself: it is told with what follows, or in a moment."""
        if self._telling is None and self.listeners:
            self._telling = asyncio.get_running_loop().call_later(START_SECONDS, self._told_late)

    def _told_late(self) -> None:
        self._telling = None
        if self._untold:
            self._tell()

    def _tell(self) -> None:
        self._untold = False
        for listener in tuple(self.listeners):
            listener()


class Reading:
    """Somebody who reads a journal; what he has not read yet is not cut away under him."""

    __slots__ = ("journal", "offset")

    def __init__(self, journal: Journal, offset: int) -> None:
        self.journal = journal
        self.offset = offset

    def next(self, most: int = CHUNK) -> bytes:
        """Return whole encoded records that come next, as ``Journal.read`` does."""
        data = self.journal.read(self.offset, most)
        self.offset += len(data)
        return data

    def close(self) -> None:
        """Read no more; the journal is closed if it is complete and nobody else reads it."""
        self.journal.leave(self)


def note(index: list[tuple[int, int]], number: int, offset: int) -> None:
    """Enter a record into a sparse index if it lies far enough behind the last one in it."""
    if not index or offset - index[-1][1] >= INDEX_STEP:
        index.append((number, offset))


def _whole(data: bytes) -> int:
    """Return where the last whole record in ``data`` ends."""
    at = 0
    while at + wire.HEADER_SIZE <= len(data):
        end = at + wire.peek_length(data[at : at + wire.HEADER_SIZE])
        if end > len(data):
            break
        at = end
    return at
