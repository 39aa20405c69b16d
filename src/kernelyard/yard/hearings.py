"""Hearings: what tasks say and how they end, caught as it is stored, for those who wait for them.

Whoever waits for a task is told of its end by the one who has stored it, and need not read it again.
A hearing is a short cut and never the truth: it is complete or says that it is not, and then its
listener reads the store.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from kernelyard.model.records import Record
from kernelyard.model.tasks import Task
from kernelyard.ports.stores import Stored

MOST_BYTES = 1024 * 1024
"""Of output held for one who waits; what is larger is read from the store."""


class Hearing:
    """What is heard of one task from now on."""

    __slots__ = ("_broken", "_records", "_size", "ended", "seq")

    def __init__(self, seq: int) -> None:
        self.seq = seq
        self.ended: Task | None = None
        """The task as it is stored, once it has ended."""
        self._records: list[Record] = []
        self._size = 0
        self._broken = False

    @property
    def whole(self) -> bool:
        """Whether nothing can have been missed so far."""
        return not self._broken

    def records(self, task: Task) -> list[Record] | None:
        """Return all records of an ended task; None if some of them were not heard."""
        heard = self._records
        if self._broken or self.ended is None or not heard:
            return None
        first = task.first_number if task.first_number is not None else task.last_number
        whole = heard[0].number == first and heard[-1].number == task.last_number
        return heard if whole else None

    def hear(self, record: Record) -> None:
        """Take in a record of the task."""
        self._size += len(record.body)
        if self._size > MOST_BYTES:
            self.lose()
        elif not self._broken:
            self._records.append(record)

    def lose(self) -> None:
        """Something may have been missed, or there is too much to be held."""
        self._broken = True
        self._records.clear()


class Hearings:
    """Everybody who listens, by kernel. Nothing is held of what nobody waits for."""

    def __init__(self) -> None:
        self._listeners: dict[int, list[Hearing]] = {}
        self._followed: Counter[int] = Counter()

    @contextmanager
    def of(self, kernel_no: int, seq: int) -> Iterator[Hearing]:
        """Listen to a task of a kernel."""
        hearing = Hearing(seq)
        self._listeners.setdefault(kernel_no, []).append(hearing)
        try:
            yield hearing
        finally:
            listeners = self._listeners[kernel_no]
            listeners.remove(hearing)
            if not listeners:
                del self._listeners[kernel_no]

    def are_told(self, kernel_no: int) -> bool:
        """Whether all that is stored of a kernel is told here, for it is this server that stores it."""
        return kernel_no in self._followed

    @contextmanager
    def telling(self, kernel_no: int) -> Iterator[None]:
        """Store the records of a kernel and tell of each batch, until this is left."""
        self._followed[kernel_no] += 1
        try:
            yield
        finally:
            self._followed[kernel_no] -= 1
            if not self._followed[kernel_no]:
                del self._followed[kernel_no]
            # The batch that was under way may have been stored and was not told.
            self.lose(kernel_no)

    def lose(self, kernel_no: int) -> None:
        """Something about the tasks of a kernel is stored of which nothing is told."""
        for hearing in self._listeners.get(kernel_no, ()):
            hearing.lose()

    def tell(self, kernel_no: int, records: Sequence[Record], stored: Stored) -> None:
        """Tell of records that are stored now."""
        listeners = self._listeners.get(kernel_no)
        if not listeners:
            return
        by_seq = {hearing.seq for hearing in listeners}
        heard = [record for record in records if record.seq in by_seq]
        for hearing in listeners:
            for record in heard:
                if record.seq == hearing.seq:
                    hearing.hear(record)
            if not stored.whole or stored.number != records[-1].number:
                hearing.lose()
        for task in stored.settled:
            for hearing in listeners:
                if hearing.seq == task.seq:
                    hearing.ended = task
