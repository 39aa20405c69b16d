"""Tasks in memory."""

from __future__ import annotations

from dataclasses import replace

from kernelyard.model.errors import (
    AlreadyExists,
    KernelEnded,
    KernelNotFound,
    TaskFinished,
    TaskNotFound,
)
from kernelyard.model.kernel_phases import Wanted
from kernelyard.model.paging import Page
from kernelyard.model.tasks import Cancellation, Task, TaskState
from kernelyard.ports.stores import Idempotency, TaskQuery
from kernelyard.stores.memory.shelf import Shelf, has_labels, known
from kernelyard.stores.transitions import TASK_EXISTS, Mark, bolder


class MemoryTasks:
    """``TaskStore`` over dictionaries."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def insert(self, task: Task, idempotency: Idempotency | None) -> tuple[Task, bool]:
        if (made := await self.existing(task, idempotency)) is not None:
            return made, False
        shelf = self._shelf
        kernel = shelf.kernels[task.kernel_no]
        shelf.tasks_made += 1
        queue = shelf.queues.setdefault(kernel.no, [])
        queue.append(shelf.tasks_made)
        kept = replace(
            task,
            no=shelf.tasks_made,
            seq=len(queue),
            kernel_id=kernel.id,
            owner=kernel.owner,
            ahead=0,
        )
        shelf.tasks[kept.no] = kept
        shelf.note(kernel, [(kept, [Mark(kept.created_at, TaskState.QUEUED, None)])])
        active = max(kernel.last_activity_at or 0, kept.created_at)
        shelf.kernels[kernel.no] = replace(kernel, last_activity_at=active)
        if idempotency:
            shelf.task_keys[(kernel.no, idempotency.key)] = (idempotency.digest, kept.no)
        return self._counted(kept), True

    async def existing(self, task: Task, idempotency: Idempotency | None) -> Task | None:
        """What the key has made already. Raises what ``insert`` raises."""
        shelf = self._shelf
        kernel = shelf.kernels.get(task.kernel_no)
        if kernel is None or kernel.wanted is Wanted.GONE:
            raise KernelNotFound
        no = known(shelf.task_keys, kernel.no, idempotency)
        if no is not None:
            return self._counted(shelf.tasks[no])
        if not kernel.takes_tasks:
            raise KernelEnded
        if task.external_id and self._by_external_id(kernel.no, task.external_id):
            raise AlreadyExists(TASK_EXISTS)
        return None

    async def get(self, task_id: str, owner: str | None) -> Task:
        for task in self._shelf.tasks.values():
            if task.id == task_id and owner in (None, task.owner) and not self._shelf.hidden(task):
                return self._counted(task)
        raise TaskNotFound

    async def by_external_id(self, kernel_no: int, external_id: str) -> Task:
        found = self._by_external_id(kernel_no, external_id)
        if found is None or self._shelf.hidden(found):
            raise TaskNotFound
        return self._counted(found)

    def _by_external_id(self, kernel_no: int, external_id: str) -> Task | None:
        for task in self._shelf.tasks.values():
            if (task.kernel_no, task.external_id) == (kernel_no, external_id):
                return task
        return None

    async def find(self, query: TaskQuery) -> Page[Task]:
        found = [
            task
            for task in reversed(self._shelf.tasks.values())
            if query.owner in (None, task.owner)
            and query.kernel_no in (None, task.kernel_no)
            and (query.before is None or task.no < query.before)
            and (query.states is None or task.state in query.states)
            and has_labels(task.labels, query.labels)
            and not self._shelf.hidden(task)
        ]
        items = [self._counted(task) for task in found[: query.limit]]
        return Page(items, items[-1].no if len(found) > query.limit else None)

    async def undelivered(self, kernel_no: int, after_seq: int, limit: int) -> list[Task]:
        found = [
            self._counted(task)
            for task in self._shelf.open_tasks(kernel_no)
            if task.state is TaskState.QUEUED and task.seq > after_seq
        ]
        return found[:limit]

    async def cancelling(self, kernel_no: int) -> list[Task]:
        tasks = self._shelf.open_tasks(kernel_no)
        return [self._counted(task) for task in tasks if task.cancel_requested]

    async def request_cancel(self, no: int, how: Cancellation = Cancellation()) -> Task:
        task = self._shelf.tasks.get(no)
        if task is None:
            raise TaskNotFound
        if task.state.is_final:
            raise TaskFinished
        asked = bolder(task.cancellation, how)
        self._shelf.tasks[no] = replace(task, cancel_requested=True, cancellation=asked)
        return self._counted(self._shelf.tasks[no])

    async def request_cancel_queued(self, kernel_no: int, how: Cancellation) -> None:
        for task in self._shelf.open_tasks(kernel_no):
            if task.state is TaskState.QUEUED and not task.cancel_requested:
                asked = replace(task, cancel_requested=True, cancellation=how)
                self._shelf.tasks[task.no] = asked

    def _counted(self, task: Task) -> Task:
        if task.state is not TaskState.QUEUED:
            return task
        before = (one for one in self._shelf.open_tasks(task.kernel_no) if one.seq < task.seq)
        return replace(task, ahead=sum(1 for _ in before))
