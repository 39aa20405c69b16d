"""Kernels in memory."""

from __future__ import annotations

from dataclasses import replace

from kernelyard.model.errors import (
    AlreadyAttached,
    AlreadyExists,
    KernelNotFound,
    NameTaken,
)
from kernelyard.model.kernel_phases import Phase, Wanted
from kernelyard.model.kernels import Kernel, StateChange
from kernelyard.model.paging import Page
from kernelyard.model.projection import TaskChange
from kernelyard.model.quantities import Micros
from kernelyard.model.records import EndCause
from kernelyard.model.tasks import TaskState
from kernelyard.ports.stores import Idempotency, KernelQuery
from kernelyard.stores.memory.shelf import Shelf, has_labels, known
from kernelyard.stores.transitions import (
    KERNEL_EXISTS,
    entering,
    first_mark,
    is_live,
    is_unfinished,
    marks_between,
    wanting,
    wanting_attempt,
)


class MemoryKernels:
    """``KernelStore`` over dictionaries."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    async def insert(self, kernel: Kernel, idempotency: Idempotency | None) -> tuple[Kernel, bool]:
        shelf = self._shelf
        if (made := await self.existing(kernel, idempotency)) is not None:
            return made, False
        shelf.kernels_made += 1
        kept = replace(kernel, no=shelf.kernels_made)
        shelf.kernels[kept.no] = kept
        if idempotency:
            key = (kernel.owner, idempotency.key)
            shelf.kernel_keys[key] = (idempotency.digest, kept.no)
        shelf.note(kept, [(None, [first_mark(kept)])])
        return kept, True

    async def existing(self, kernel: Kernel, idempotency: Idempotency | None) -> Kernel | None:
        """What the key has made already. Raises what ``insert`` raises."""
        shelf = self._shelf
        no = known(shelf.kernel_keys, kernel.owner, idempotency)
        if no is not None:
            return shelf.shown(shelf.kernels[no])
        if kernel.name and await self.live_by_name(kernel.owner, kernel.name):
            raise NameTaken
        if kernel.identity and await self.live_by_identity(kernel.owner, kernel.identity):
            raise AlreadyAttached
        if kernel.external_id and self._by_external_id(kernel.external_id, kernel.owner):
            raise AlreadyExists(KERNEL_EXISTS)
        return None

    async def get(self, kernel_id: str, owner: str | None, *, leaving: bool = False) -> Kernel:
        for kernel in self._shelf.kernels.values():
            if kernel.id == kernel_id and _visible(kernel, owner, leaving=leaving):
                return self._shelf.shown(kernel)
        raise KernelNotFound

    async def by_external_id(self, external_id: str, owner: str | None) -> Kernel:
        found = self._by_external_id(external_id, owner)
        if found is None:
            raise KernelNotFound
        return self._shelf.shown(found)

    def _by_external_id(self, external_id: str, owner: str | None) -> Kernel | None:
        for kernel in reversed(self._shelf.kernels.values()):
            if kernel.external_id == external_id and _visible(kernel, owner):
                return kernel
        return None

    async def by_no(self, no: int) -> Kernel | None:
        kernel = self._shelf.kernels.get(no)
        return self._shelf.shown(kernel) if kernel else None

    async def live_by_name(self, owner: str, name: str) -> Kernel | None:
        for kernel in self._shelf.kernels.values():
            if (kernel.owner, kernel.name) == (owner, name) and is_live(kernel):
                return self._shelf.shown(kernel)
        return None

    async def live_by_identity(self, owner: str, identity: str) -> Kernel | None:
        for kernel in self._shelf.kernels.values():
            if (kernel.owner, kernel.identity) == (owner, identity) and is_live(kernel):
                return self._shelf.shown(kernel)
        return None

    async def find(self, query: KernelQuery) -> Page[Kernel]:
        found = [
            kernel
            for kernel in reversed(self._shelf.kernels.values())
            if _visible(kernel, query.owner)
            and (query.before is None or kernel.no < query.before)
            and (query.phases is None or kernel.phase in query.phases)
            and (query.name is None or kernel.name == query.name)
            and has_labels(kernel.labels, query.labels)
        ]
        items = [self._shelf.shown(kernel) for kernel in found[: query.limit]]
        return Page(items, items[-1].no if len(found) > query.limit else None)

    async def unfinished(self) -> list[Kernel]:
        kernels = self._shelf.kernels.values()
        return [self._shelf.shown(kernel) for kernel in kernels if is_unfinished(kernel)]

    async def live_count(self) -> int:
        return sum(map(is_live, self._shelf.kernels.values()))

    async def want(
        self,
        no: int,
        wanted: Wanted,
        reason: str | None,
        at: Micros,
        *,
        shut_down: bool = False,
    ) -> Kernel | None:
        kernel = self._shelf.kernels.get(no)
        if kernel is None:
            return None
        return self._move(kernel, wanting(kernel, wanted, reason, shut_down=shut_down), at)

    async def want_attempt(self, no: int, at: Micros, reason: str | None = None) -> Kernel | None:
        kernel = self._shelf.kernels.get(no)
        return self._move(kernel, wanting_attempt(kernel, reason), at) if kernel else None

    async def enter(self, no: int, phase: Phase, reason: str | None, at: Micros) -> Kernel | None:
        kernel = self._shelf.kernels.get(no)
        return self._move(kernel, entering(kernel, phase, reason, at), at) if kernel else None

    async def settle(
        self,
        no: int,
        phase: Phase,
        task_state: TaskState,
        reason: str,
        at: Micros,
        cause: EndCause = EndCause.AGENT_LOST,
    ) -> Kernel | None:
        shelf = self._shelf
        kernel = shelf.kernels.get(no)
        if kernel is None:
            return None
        end = TaskChange(seq=0, state=task_state, ended_at=at, reason=reason, cause=cause)
        opened = shelf.open_tasks(no)
        shelf.note(kernel, [shelf.change_task(task, replace(end, seq=task.seq)) for task in opened])
        settled = entering(kernel, phase, reason, at, cause)
        return self._move(kernel, replace(settled, journal_closed=True, current_seq=None), at)

    async def kept(
        self, limit: int, *, ended_by: Micros | None = None, newest: bool = False
    ) -> list[Kernel]:
        found = [
            kernel
            for kernel in self._ended(ended_by)
            if kernel.journal_closed and kernel.outputs_removed_at is None
        ]
        found.sort(key=_ended_at, reverse=newest)
        return [self._shelf.shown(kernel) for kernel in found[:limit]]

    async def kept_bytes(self) -> int:
        return sum(one.stored_bytes for one in self._ended() if one.outputs_removed_at is None)

    async def remove_outputs(self, no: int, at: Micros) -> bool:
        kernel = self._shelf.kernels.get(no)
        if kernel is None or not (kernel.phase.is_final and kernel.journal_closed):
            return False
        self._shelf.records.pop(no, None)
        removed_at = kernel.outputs_removed_at or at
        self._shelf.kernels[no] = replace(kernel, outputs_removed_at=removed_at, stored_bytes=0)
        return True

    async def half_removed(self) -> list[Kernel]:
        return []

    async def ended(self, ended_by: Micros, limit: int) -> list[Kernel]:
        found = [kernel for kernel in self._ended(ended_by) if kernel.journal_closed]
        return [self._shelf.shown(kernel) for kernel in found[:limit]]

    async def remove(self, no: int) -> None:
        shelf = self._shelf
        shelf.kernels.pop(no, None)
        shelf.records.pop(no, None)
        for task_no in [*shelf.queues.pop(no, []), *shelf.runs.pop(no, {}).values()]:
            del shelf.tasks[task_no]
        shelf.changes = [entry for entry in shelf.changes if entry[0] != no]
        shelf.kernel_keys = {k: v for k, v in shelf.kernel_keys.items() if v[1] != no}
        shelf.task_keys = {k: v for k, v in shelf.task_keys.items() if k[0] != no}

    async def history(self, kernel_no: int) -> list[StateChange]:
        changes = self._shelf.changes
        return [one for no, one in changes if no == kernel_no and one.task_id is None]

    def _ended(self, by: Micros | None = None) -> list[Kernel]:
        return [
            kernel
            for kernel in self._shelf.kernels.values()
            if kernel.ended_at is not None
            and (by is None or kernel.ended_at <= by)
            and kernel.wanted is not Wanted.GONE
        ]

    def _move(self, before: Kernel, after: Kernel, at: Micros) -> Kernel:
        self._shelf.kernels[after.no] = after
        self._shelf.note(after, [(None, marks_between(before, after, at))])
        return self._shelf.shown(after)


def _ended_at(kernel: Kernel) -> Micros:
    return kernel.ended_at or 0


def _visible(kernel: Kernel, owner: str | None, *, leaving: bool = False) -> bool:
    shown = (leaving or kernel.wanted is not Wanted.GONE) and not kernel.waits
    return shown and owner in (None, kernel.owner)
