"""Tasks: taken in here; handed to the agent by the kernel's caretaker."""

from __future__ import annotations

import hashlib
import json
import uuid
from dataclasses import asdict, dataclass, replace

from kernelyard.model.audit import Action
from kernelyard.model.errors import Invalid, KernelEnded, KernelNotFound, TaskNotFound
from kernelyard.model.ids import checked_labels, is_uuid
from kernelyard.model.kernels import Kernel
from kernelyard.model.paging import checked_limit, decode_cursor, encode_cursor
from kernelyard.model.principals import Principal, Scope
from kernelyard.model.quantities import Micros
from kernelyard.model.records import Record
from kernelyard.model.tasks import Cancellation, Task, TaskLimits, TaskOrder, TaskState
from kernelyard.ports.bell import events_topic, settled_topic
from kernelyard.ports.stores import Idempotency, TaskQuery
from kernelyard.yard.caretakers import Caretakers
from kernelyard.yard.hearings import Hearing
from kernelyard.yard.quotas import Quotas
from kernelyard.yard.remembered import KernelKey, Remembered
from kernelyard.yard.world import World

_POLL_SECONDS = 5.0
SHORTEST_GRACE = 0.1
LONGEST_GRACE = 3600.0
SHORTEST_LIMIT = 0.1


@dataclass(frozen=True, slots=True)
class TaskKey:
    """What never changes about a task."""

    kernel_no: int
    seq: int


@dataclass(frozen=True, slots=True)
class Run:
    """A task that was queued and waited for."""

    task: Task
    """As it is now."""
    created: bool
    """Whether it was made now."""
    records: list[Record] | None
    """All that it said, if it has ended and was heard from beginning to end."""


class Tasks:
    """Everything a door can do with tasks."""

    def __init__(self, world: World, caretakers: Caretakers, quotas: Quotas) -> None:
        self._store = world.store
        self._quotas = quotas
        self._bell = world.bell
        self._clock = world.clock
        self._limits = world.limits
        self._hearings = world.hearings
        self._audit = world.audit
        self._caretakers = caretakers
        # What never changes about a kernel or task need not be read for every request.
        self._kernel_keys = world.kernel_keys
        self._task_keys: Remembered[TaskKey] = Remembered()

    async def submit(
        self,
        who: Principal,
        kernel_id: str,
        order: TaskOrder,
        *,
        idempotency_key: str | None = None,
    ) -> tuple[Task, bool]:
        """Queue code, durably; return the task and whether it was made now.

        Works from the moment the kernel was asked for. Raises KernelNotFound, KernelEnded, Invalid,
        AlreadyExists, IdempotencyKeyReused.
        """
        kept, created = await self._keep(who, kernel_id, order, idempotency_key)
        if created:
            self._announce(kept)
        return kept, created

    async def run(
        self,
        who: Principal,
        kernel_id: str,
        order: TaskOrder,
        timeout: float,
        *,
        idempotency_key: str | None = None,
    ) -> Run:
        """Queue code as ``submit`` does, and wait for its end as ``wait`` does."""
        who.must(Scope.RUN)
        key = await self._kernel_key(who, kernel_id)
        # Before it is stored: from then on another server may find it, and have it run.
        mark = self._bell.mark(settled_topic(key.no))
        kept, created = await self._keep(who, kernel_id, order, idempotency_key)
        if not created:
            return Run(await self.wait(who, kept.id, timeout), created, None)
        with self._hearings.of(kept.kernel_no, kept.seq) as hearing:
            self._announce(kept)
            task = await self._until_ended(who, kept, hearing, mark, timeout)
            return Run(task, created, hearing.records(task))

    async def _keep(
        self, who: Principal, kernel_id: str, order: TaskOrder, idempotency_key: str | None
    ) -> tuple[Task, bool]:
        who.must(Scope.RUN)
        self._check(order)
        key = await self._kernel_key(who, kernel_id)
        needed = await self._needed(kernel_id, key, order)
        task = Task(
            no=0,
            id=str(uuid.uuid4()),
            kernel_no=key.no,
            kernel_id=kernel_id,
            owner=key.owner,
            seq=0,
            code=order.code,
            labels=order.labels,
            needs_id=order.needs,
            needs_seq=needed.seq if needed else None,
            limits=order.limits,
            external_id=order.external_id,
            created_at=self._clock.now(),
        )
        idempotency = Idempotency(idempotency_key, _digest(order)) if idempotency_key else None
        try:
            kept, created = await self._quotas.submit(task, idempotency)
        except KernelEnded as error:
            ended = await self._store.kernels.get(kernel_id, who.sees)
            raise KernelEnded(_ended(ended)) from error
        self._task_keys.put(kept.id, TaskKey(kept.kernel_no, kept.seq))
        if created:
            self._audit.note(who, Action.TASK_RUN, kept.id, kernel=kernel_id)
        return kept, created

    def _announce(self, task: Task) -> None:
        self._caretakers.offer(task)
        self._bell.ring(events_topic())

    async def get(self, who: Principal, task_id: str) -> Task:
        """Raises TaskNotFound."""
        who.must(Scope.READ)
        return await self._store.tasks.get(task_id, who.sees)

    async def by_external_id(self, kernel: Kernel, external_id: str) -> Task:
        """Return the task of this id, of a kernel that was just read for who asks.

        Raises TaskNotFound.
        """
        return await self._store.tasks.by_external_id(kernel.no, external_id)

    async def list(
        self,
        who: Principal,
        *,
        kernel_id: str | None = None,
        states: frozenset[TaskState] | None = None,
        labels: dict[str, str] | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> tuple[list[Task], str | None]:
        """Return a page of tasks, newest first, and the cursor of the next page.

        Raises KernelNotFound for an unknown ``kernel_id``.
        """
        who.must(Scope.READ)
        size = checked_limit(limit, largest=self._limits.largest_page)
        before = decode_cursor(cursor)
        kernel_no = None
        if kernel_id is not None:
            kernel_no = (await self._store.kernels.get(kernel_id, who.sees)).no
        page = await self._store.tasks.find(
            TaskQuery(
                owner=who.sees,
                kernel_no=kernel_no,
                states=states,
                labels=labels or {},
                before=before,
                limit=size,
            )
        )
        return page.items, encode_cursor(page.next) if page.next is not None else None

    async def cancel(
        self, who: Principal, task_id: str, how: Cancellation = Cancellation()
    ) -> Task:
        """Take a queued task out, or stop a running one; its output stays. Repeatable.

        A running one is interrupted, after a grace time again, and if that is allowed its kernel is
        restarted after another; the task tells which it took. Returns the task as it is now; it becomes ``cancelled`` a moment later. Raises TaskNotFound,
        TaskFinished.
        """
        who.must(Scope.MANAGE if how.allow_restart else Scope.RUN)
        task = await self._store.tasks.get(task_id, who.sees)
        if not SHORTEST_GRACE <= how.grace_seconds <= LONGEST_GRACE:
            raise Invalid(
                f"'grace' must be between {SHORTEST_GRACE:g} and {LONGEST_GRACE:g} seconds.",
                field="grace",
            )
        asked = replace(how, by=who.name)
        changed = await self._store.tasks.request_cancel(task.no, asked)
        self._audit.note(who, Action.TASK_CANCEL, task.id, kernel=task.kernel_id)
        self._caretakers.attend(task.kernel_no)
        return changed

    async def leaving(self, kernel: Kernel) -> tuple[int, ...]:
        """Return the places of the tasks that are to be taken out of a kernel's queue and are in it still.

        While a kernel waits for room or starts nobody takes them out.
        """
        asked = await self._store.tasks.cancelling(kernel.no)
        return tuple(task.seq for task in asked if task.state is TaskState.QUEUED)

    async def wait(
        self,
        who: Principal,
        task_id: str,
        timeout: float,
    ) -> Task:
        """Return the task when it has ended, or as it is after ``timeout`` seconds.

        Raises TaskNotFound.
        """
        who.must(Scope.READ)
        key = await self._task_key(task_id, who.sees)
        with self._hearings.of(key.kernel_no, key.seq) as hearing:
            mark = self._bell.mark(settled_topic(key.kernel_no))
            task = await self._store.tasks.get(task_id, who.sees)
            return await self._until_ended(who, task, hearing, mark, timeout)

    async def _until_ended(
        self, who: Principal, task: Task, hearing: Hearing, mark: int, timeout: float
    ) -> Task:
        """Return ``task``, which was read after the bell's ``mark``, when it has ended or at the end."""
        deadline = self._clock.now() + int(timeout * 1_000_000)
        topic = settled_topic(task.kernel_no)
        known = True
        while hearing.ended is None:
            if not known:
                mark = self._bell.mark(topic)
                task = await self._store.tasks.get(task.id, who.sees)
            left = (deadline - self._clock.now()) / 1_000_000
            if task.state.is_final or left <= 0 or self._bell.muffled:
                return task
            rang = await self._bell.wait(topic, mark, min(left, _POLL_SECONDS))
            mark = self._bell.mark(topic)
            # What rang is another task's end if this one's would have been told here.
            told = rang and hearing.whole and self._hearings.are_told(task.kernel_no)
            known = told and not self._is_over(deadline)
        return hearing.ended

    def _is_over(self, deadline: Micros) -> bool:
        return self._bell.muffled or self._clock.now() >= deadline

    async def _needed(self, kernel_id: str, kernel: KernelKey, order: TaskOrder) -> TaskKey | None:
        if order.needs is None:
            return None
        key = None
        if is_uuid(order.needs):
            try:
                key = await self._task_key(order.needs, kernel.owner)
            except TaskNotFound:
                # If the kernel itself has gone, that is what there is to say.
                await self._store.kernels.get(kernel_id, kernel.owner)
        if key is None or key.kernel_no != kernel.no:
            raise Invalid(
                "'needs' must be the id of a task that was queued on the same kernel before.",
                field="needs",
            )
        return key

    async def _task_key(self, task_id: str, owner: str | None) -> TaskKey:
        key = self._task_keys.get(task_id)
        if key is None:
            task = await self._store.tasks.get(task_id, owner)
            key = TaskKey(task.kernel_no, task.seq)
            self._task_keys.put(task_id, key)
        return key

    async def _kernel_key(self, who: Principal, kernel_id: str) -> KernelKey:
        key = self._kernel_keys.get(kernel_id)
        if key is None:
            kernel = await self._store.kernels.get(kernel_id, None)
            key = KernelKey(kernel.no, kernel.owner)
            self._kernel_keys.put(kernel_id, key)
        if who.sees not in (None, key.owner):
            raise KernelNotFound
        return key

    def _check(self, order: TaskOrder) -> None:
        if len(order.code) > self._limits.largest_code:
            raise Invalid(
                f"'code' has more than {self._limits.largest_code} characters. Put data into files "
                "and read them from the code.",
                field="code",
            )
        try:
            order.code.encode()
        except UnicodeEncodeError as error:
            raise Invalid(
                "'code' has half of a surrogate pair, which is no text. Send valid Unicode.",
                field="code",
            ) from error
        if "\0" in order.code:
            raise Invalid("'code' has a NUL character, which no language runs.", field="code")
        checked_labels(order.labels)
        for field, seconds in (
            ("time_limit", order.limits.time_seconds),
            ("silence_limit", order.limits.silence_seconds),
        ):
            if seconds is not None and seconds < SHORTEST_LIMIT:
                raise Invalid(
                    f"'{field}' must be at least {SHORTEST_LIMIT:g} s; leave it out for no limit.",
                    field=field,
                )


def _ended(kernel: Kernel) -> str:
    why = f" ({kernel.reason})" if kernel.reason else ""
    return (
        f"The kernel is {kernel.state.value}{why} and takes no more code. Its outputs stay "
        "readable; create a new kernel to run more."
    )


def _digest(order: TaskOrder) -> str:
    parts: list[object] = [order.code, sorted(order.labels.items()), order.needs]
    if order.limits != TaskLimits():
        parts.append(asdict(order.limits))
    if order.external_id is not None:
        parts.append(order.external_id)
    text = json.dumps(parts)
    return hashlib.sha256(text.encode()).hexdigest()
