"""What tasks need: the success of another one. Without it they end, and those that need them in turn."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from kernelyard.agent.endings import TaskEnd, needed_another_end
from kernelyard.agent.journal import Entry
from kernelyard.agent.queue import Queue
from kernelyard.model.records import RecordKind
from kernelyard.model.tasks import Assignment, TaskState


class Needs:
    """Knows which tasks of a kernel did not succeed; of all others that ended, it knows nothing.

    Tasks come in the order of their numbers and are taken in that order, so what a task needs has
    ended before its turn: if it is not known here by then, it succeeded.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._unsuccessful: dict[int, TaskState] = {}

    def recall(self, unsuccessful: Mapping[int, TaskState]) -> list[Entry]:
        """Take in how tasks ended before; return the ends of those that still wait in vain."""
        self._unsuccessful.update(unsuccessful)
        return self._in_vain(unsuccessful)

    def come(self, tasks: Iterable[Assignment]) -> list[Entry]:
        """Tasks have come; return the ends of those that need one which has already not succeeded."""
        needed = (task.needs for task in tasks)
        return self._in_vain([seq for seq in needed if seq in self._unsuccessful])

    def end(self, task: Assignment, end: TaskEnd) -> list[Entry]:
        """Return the record of a task's end, and of the ends that follow from it."""
        entries = [_ended(task, end)]
        if end.state is not TaskState.SUCCEEDED:
            self._unsuccessful[task.seq] = end.state
            entries += self._in_vain([task.seq])
        return entries

    def _in_vain(self, seqs: Iterable[int | None]) -> list[Entry]:
        entries: list[Entry] = []
        left = deque(seq for seq in seqs if seq is not None)
        while left:
            seq = left.popleft()
            end = needed_another_end(self._unsuccessful[seq])
            for task in self._queue.take_needing(seq):
                self._unsuccessful[task.seq] = end.state
                entries.append(_ended(task, end))
                left.append(task.seq)
        return entries


def _ended(task: Assignment, end: TaskEnd) -> Entry:
    return task.seq, RecordKind.ENDED, end.body(task.task_id)
