"""The copy of the journals in memory."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import attrgetter

from kernelyard.model.projection import Projection, project
from kernelyard.model.records import Record
from kernelyard.model.tasks import Task
from kernelyard.ports.stores import Stored
from kernelyard.stores.memory.shelf import Shelf
from kernelyard.stores.transitions import Mark, asked_task, following, new_records


class MemoryOutputs:
    """``OutputStore`` over lists."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def append(
        self, kernel_no: int, records: Sequence[Record], projection: Projection
    ) -> Stored | None:
        shelf = self._shelf
        kernel = shelf.kernels.get(kernel_no)
        if kernel is None:
            return None
        fresh = new_records(kernel.stored_number, records)
        if not fresh:
            return Stored(kernel.stored_number, whole=False)
        if fresh is not records:
            projection = project(fresh)
        shelf.records.setdefault(kernel_no, []).extend(fresh)
        told: list[tuple[Task | None, list[Mark]]] = []
        for change in projection.tasks:
            run = asked_task(kernel_no, kernel.id, kernel.owner, change)
            if run is not None:
                told.append(shelf.take_in(run))
            task = shelf.task_at(kernel_no, change.seq)
            if task is not None:
                told.append(shelf.change_task(task, change))
        kernel, marks = following(kernel, projection)
        shelf.kernels[kernel_no] = kernel
        if projection.closed:
            told += shelf.settle_open(kernel, fresh[-1].at)
        shelf.note(kernel, [*told, (None, marks)])
        settled = (task for task, marks in told if marks and task and task.state.is_final)
        return Stored(kernel.stored_number, tuple(settled), whole=fresh is records)

    async def read(
        self,
        kernel_no: int,
        after: int,
        *,
        seq: int | None = None,
        through: int | None = None,
        limit: int = 1000,
        most_bytes: int = 4 * 1024 * 1024,
    ) -> list[Record]:
        records = self._shelf.records.get(kernel_no, [])
        taken: list[Record] = []
        size = 0
        for record in records[bisect_right(records, after, key=attrgetter("number")) :]:
            if through is not None and record.number > through:
                break
            if seq is not None and record.seq != seq:
                continue
            size += len(record.body)
            if len(taken) == limit or (taken and size > most_bytes):
                break
            taken.append(record)
        return taken
