"""Tails: what kernels have said last, held for those who follow, so that nothing waits to be stored.

A record is passed on when it arrives: the agent has it in its journal, which keeps it until it is
stored, so whoever has seen a number finds the same record under it later. That something has *ended* is
told when it is stored, and not before. The store has everything that is older than a tail.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count

from kernelyard.model.records import Record, RecordKind
from kernelyard.model.tasks import Task
from kernelyard.ports.bell import Bell, kernel_topic
from kernelyard.ports.stores import Stored

MOST_BYTES = 4 * 1024 * 1024
"""Of the records of one kernel; the last one is held in any case."""
MOST_RECORDS = 5000
_MOST_SETTLED = 100
_epochs = count(1)


class Tail:
    """The last records of one kernel, without holes. Empty while nobody reads."""

    def __init__(self, bell: Bell, kernel_no: int) -> None:
        self.readers = 0
        self.followed = False
        """Whether the kernel is followed here, so that everything new comes by."""
        self.follower = 0
        """Which following it is; one that was left may end after the next has begun."""
        self.last = 0
        """The last record that came."""
        self.stored = 0
        """The last record that is known to be stored."""
        self.epoch = 0
        """Grows when something may have been missed by those who relied on the tail."""
        self._goal: int | None = None
        self._bell = bell
        self._topic = kernel_topic(kernel_no)
        self._records: list[Record] = []
        self._begin = 0
        self._size = 0
        self._settled: dict[int, Task] = {}

    @property
    def first(self) -> int:
        """The first record that is held; the next one to come if there is none."""
        return self.last + 1 - (len(self._records) - self._begin)

    @property
    def caught_up(self) -> bool:
        """Whether everything that the journal had when it was begun to be followed has come."""
        return self.followed and self._goal is not None and self.last >= self._goal

    @property
    def closed(self) -> bool:
        """Whether the last record that came is the journal's last."""
        held = self._records
        return bool(held) and held[-1].kind is RecordKind.KERNEL_ENDED

    def settled(self, seq: int) -> Task | None:
        """Return a task that has ended a short while ago, as it is stored."""
        return self._settled.get(seq)

    def behind(self, number: int) -> Iterator[Record]:
        """Yield what is held behind a number that is not before the tail."""
        begin = self._begin + max(0, number + 1 - self.first)
        for place in range(begin, len(self._records)):
            yield self._records[place]

    def follow(self, stored: int) -> None:
        """The kernel is followed from here on, behind the number ``stored``."""
        self._drop()
        self.followed, self._goal = True, None
        self.last = self.stored = stored
        self.follower += 1

    def leave(self) -> None:
        """The kernel is not followed any more."""
        self._drop()
        self.followed = False

    def begin(self, last: int | None) -> None:
        """The journal has records up to ``last`` as following begins, if that is known."""
        self._goal = last
        self._ring()

    def take(self, records: Sequence[Record]) -> None:
        """Take in records that have come."""
        if not records or not self.followed:
            return
        if records[0].number != self.last + 1:
            self._drop()
        self.last = records[-1].number
        if not self.readers:
            return
        self._records += records
        self._size += sum(len(record.body) for record in records)
        self._shorten()
        self._ring()

    def keep(self, stored: Stored) -> None:
        """Take in what has been stored."""
        self.stored = max(self.stored, stored.number)
        if not self.readers:
            return
        if not stored.whole:
            # What ended by it was told to whoever has stored the rest.
            self.epoch = next(_epochs)
        for task in stored.settled:
            self._settled[task.seq] = task
        while len(self._settled) > _MOST_SETTLED:
            self.epoch = next(_epochs)
            del self._settled[next(iter(self._settled))]

    def let_go(self) -> None:
        """Nobody reads any more."""
        self._drop()

    def forget(self) -> None:
        """Something else has changed: whoever reads is to look at the store."""
        self._drop()
        self.followed = False

    def _shorten(self) -> None:
        held = self._records
        while len(held) - self._begin > 1 and (
            self._size > MOST_BYTES or len(held) - self._begin > MOST_RECORDS
        ):
            self._size -= len(held[self._begin].body)
            self._begin += 1
        if 2 * self._begin > len(held):
            del held[: self._begin]
            self._begin = 0

    def _drop(self) -> None:
        self._records.clear()
        self._settled.clear()
        self.epoch = next(_epochs)
        self._begin = self._size = 0

    def _ring(self) -> None:
        if self.readers:
            self._bell.ring_here(self._topic)


class Tails:
    """The tails of all kernels that are followed or read here."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self._tails: dict[int, Tail] = {}

    def of(self, kernel_no: int) -> Tail | None:
        """Return the tail of a kernel; None if the kernel is not followed here."""
        tail = self._tails.get(kernel_no)
        return tail if tail is not None and tail.followed else None

    @contextmanager
    def read(self, kernel_no: int) -> Iterator[None]:
        """From now on the tail is held for a reader, until this is left."""
        tail = self._tails.setdefault(kernel_no, Tail(self._bell, kernel_no))
        tail.readers += 1
        try:
            yield
        finally:
            tail.readers -= 1
            if not tail.readers:
                tail.let_go()
                self._sweep(kernel_no)

    @contextmanager
    def followed(self, kernel_no: int, stored: int) -> Iterator[Tail]:
        """A kernel is followed here behind the number ``stored``, until this is left."""
        tail = self._tails.setdefault(kernel_no, Tail(self._bell, kernel_no))
        tail.follow(stored)
        follower = tail.follower
        try:
            yield tail
        finally:
            if tail.follower == follower:
                tail.leave()
                self._sweep(kernel_no)

    def forget(self, kernel_no: int) -> None:
        """Something about a kernel has been stored that did not come from its journal."""
        if (tail := self._tails.get(kernel_no)) is not None:
            tail.forget()

    def _sweep(self, kernel_no: int) -> None:
        tail = self._tails.get(kernel_no)
        if tail is not None and not tail.readers and not tail.followed:
            del self._tails[kernel_no]
