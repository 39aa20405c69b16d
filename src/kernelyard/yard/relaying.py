"""Relaying: giving followers what a kernel's tail has, and saying when the store must be asked.

A follower stands at the last record that he was given. For one thing of a kernel, such as a task, that
may be long before the tail's first record although nothing lies between; so it is remembered up to
where everything has been seen for him.
"""

from __future__ import annotations

from kernelyard.model.kernels import Kernel
from kernelyard.model.records import Record, RecordKind
from kernelyard.model.tasks import Task
from kernelyard.yard.sharing import Batch
from kernelyard.yard.tails import Tail, Tails

MOST_RECORDS = 2000
MOST_BYTES = 4 * 1024 * 1024
"""A follower who does not read on holds no more than this, unless one record alone is larger."""
_MOST_PLACES = 1000
_ENDS = frozenset({RecordKind.ENDED, RecordKind.KERNEL_ENDED})
Ending = Task | Kernel
Outcome = Batch[Record, Ending]


class Relay:
    """Passes on what one kernel says, or one of its tasks."""

    def __init__(self, tails: Tails, kernel_no: int, seq: int | None) -> None:
        self._tails = tails
        self._no = kernel_no
        self._seq = seq
        self._epoch = 0
        self._seen: dict[int, int] = {}
        """For those who stand at a number: up to which record everything has been seen for them."""

    def stored(self) -> int | None:
        """Up to which record a read of the store that begins now will see everything, if it is known."""
        tail = self._tail()
        return tail.stored if tail is not None else None

    def has_read(self, after: int, batch: Outcome, stored: int | None) -> None:
        """The store was read behind ``after``, when it had everything up to ``stored``."""
        if stored is not None and not batch.more:
            last = batch[-1].number if batch else after
            self._see(last, max(last, stored))

    def batch(self, after: int) -> Outcome | None:
        """Return what comes behind ``after``, perhaps nothing yet; None if the store is to be asked."""
        tail = self._tail()
        seen = max(after, self._seen.get(after, 0))
        if tail is None or tail.first > seen + 1:
            return None
        records, more, seen = self._held(tail, seen)
        if not records:
            return self._silence(tail, after, seen)
        last = records[-1].number
        end = None if more else self._end(tail, last)
        if end is None and self._seq is not None and records[-1].kind in _ENDS:
            # It was stored by somebody else, so that only the store can say how the task is now.
            self._seen.pop(last, None)
        elif not more:
            self._see(last, seen)
        return Batch(records, end=end, more=more)

    def _tail(self) -> Tail | None:
        """The tail; what was seen with it is forgotten when something may have passed it by since."""
        tail = self._tails.of(self._no)
        if tail is not None and tail.epoch != self._epoch:
            self._epoch = tail.epoch
            self._seen.clear()
        return tail

    def _held(self, tail: Tail, seen: int) -> tuple[list[Record], bool, int]:
        """The next records, whether there are more, and up to where everything has been seen then."""
        taken: list[Record] = []
        size = 0
        for record in tail.behind(seen):
            if record.kind in _ENDS and record.number > tail.stored:
                # Whoever asks on hearing of an end must find it in the store.
                return taken, False, record.number - 1
            if self._seq is not None and record.seq != self._seq:
                continue
            size += len(record.body)
            if taken and (size > MOST_BYTES or len(taken) == MOST_RECORDS):
                return taken, True, seen
            taken.append(record)
        return taken, False, max(seen, tail.last)

    def _silence(self, tail: Tail, after: int, seen: int) -> Outcome | None:
        """Nothing new; what has ended is told here only if it is known to be stored."""
        if after not in self._seen:
            # It may have ended before anybody listened.
            return None
        if self._seq is None:
            if tail.closed:
                return None
        elif tail.settled(self._seq) is not None:
            end = self._end(tail, after)
            return Batch(end=end) if end is not None else None
        self._see(after, seen)
        return Batch()

    def _end(self, tail: Tail, last: int) -> Task | None:
        task = tail.settled(self._seq) if self._seq is not None else None
        return task if task is not None and task.last_number == last else None

    def _see(self, after: int, seen: int) -> None:
        self._seen[after] = max(seen, self._seen.get(after, 0))
        if len(self._seen) > _MOST_PLACES:
            del self._seen[next(iter(self._seen))]
