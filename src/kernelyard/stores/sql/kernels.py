"""Kernels in SQL."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, delete, func, insert, select

from kernelyard.model.errors import (
    AlreadyAttached,
    AlreadyExists,
    IdempotencyKeyReused,
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
from kernelyard.stores.sql import retention
from kernelyard.stores.sql.database import Database
from kernelyard.stores.sql.listing import Conditions, labelled, newest
from kernelyard.stores.sql.moves import (
    Run,
    change_tasks,
    load_kernel,
    load_open_tasks,
    move_kernel,
    note,
)
from kernelyard.stores.sql.rows import (
    LARGEST_NUMBER,
    Values,
    kernel_of,
    label_rows,
    new_kernel_values,
    output_id,
)
from kernelyard.stores.sql.tables import (
    EXTERNAL,
    changes,
    kernel_labels,
    kernels,
    outputs,
    tasks,
)
from kernelyard.stores.transitions import (
    KERNEL_EXISTS,
    entering,
    first_mark,
    wanting,
    wanting_attempt,
)

_REMOVED_AT_ONCE = 500
_VISIBLE = and_(kernels.c.wanted != Wanted.GONE.value, kernels.c.pool_no.is_(None))
_BY_ID = select(kernels).where(kernels.c.id == bindparam("id"), _VISIBLE)
_BY_ID_OR_LEAVING = select(kernels).where(
    kernels.c.id == bindparam("id"), kernels.c.pool_no.is_(None)
)
_BY_NO = select(kernels).where(kernels.c.no == bindparam("no"))
_LIVE_BY_NAME = select(kernels).where(
    kernels.c.live,
    kernels.c.owner == bindparam("owner"),
    kernels.c.name == bindparam("name"),
)
_LIVE_BY_IDENTITY = select(kernels).where(
    kernels.c.live,
    kernels.c.owner == bindparam("owner"),
    kernels.c.identity == bindparam("identity"),
)
_EXTERNAL = select(kernels.c.no).where(
    kernels.c.external_id == bindparam("external_id"),
    kernels.c.owner == bindparam("owner"),
    EXTERNAL,
)


class SqlKernels:
    """``KernelStore`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, kernel: Kernel, idempotency: Idempotency | None) -> tuple[Kernel, bool]:
        return await self._database.write(lambda c: _insert(c, kernel, idempotency))

    async def existing(self, kernel: Kernel, idempotency: Idempotency | None) -> Kernel | None:
        return await self._database.read(lambda c: existing_kernel(c, kernel, idempotency))

    async def get(self, kernel_id: str, owner: str | None, *, leaving: bool = False) -> Kernel:
        kernel = await self._one(_BY_ID_OR_LEAVING if leaving else _BY_ID, {"id": kernel_id})
        if kernel is None or owner not in (None, kernel.owner):
            raise KernelNotFound
        return kernel

    async def by_external_id(self, external_id: str, owner: str | None) -> Kernel:
        query = (external_statement(owner), {"external_id": external_id, "owner": owner})
        kernel = await self._one(*query)
        if kernel is None:
            raise KernelNotFound
        return kernel

    async def by_no(self, no: int) -> Kernel | None:
        return await self._one(_BY_NO, {"no": no})

    async def live_by_name(self, owner: str, name: str) -> Kernel | None:
        return await self._one(_LIVE_BY_NAME, {"owner": owner, "name": name})

    async def live_by_identity(self, owner: str, identity: str) -> Kernel | None:
        return await self._one(_LIVE_BY_IDENTITY, {"owner": owner, "identity": identity})

    async def find(self, query: KernelQuery) -> Page[Kernel]:
        found = await self._all(kernels_statement(query))
        items = found[: query.limit]
        return Page(items, items[-1].no if len(found) > query.limit else None)

    async def unfinished(self) -> list[Kernel]:
        query = select(kernels).where(kernels.c.unfinished).order_by(kernels.c.no)
        return await self._all(query)

    async def live_count(self) -> int:
        query = select(func.count()).select_from(kernels).where(kernels.c.live)
        return await self._database.read(lambda c: c.execute(query).scalar_one())

    async def want(
        self,
        no: int,
        wanted: Wanted,
        reason: str | None,
        at: Micros,
        *,
        shut_down: bool = False,
    ) -> Kernel | None:
        def work(connection: Connection) -> Kernel | None:
            kernel = load_kernel(connection, no)
            if kernel is None:
                return None
            after = wanting(kernel, wanted, reason, shut_down=shut_down)
            return move_kernel(connection, kernel, after, at)

        return await self._database.write(work)

    async def want_attempt(self, no: int, at: Micros, reason: str | None = None) -> Kernel | None:
        def work(connection: Connection) -> Kernel | None:
            kernel = load_kernel(connection, no)
            if kernel is None:
                return None
            return move_kernel(connection, kernel, wanting_attempt(kernel, reason), at)

        return await self._database.write(work)

    async def enter(self, no: int, phase: Phase, reason: str | None, at: Micros) -> Kernel | None:
        def work(connection: Connection) -> Kernel | None:
            kernel = load_kernel(connection, no)
            if kernel is None:
                return None
            return move_kernel(connection, kernel, entering(kernel, phase, reason, at), at)

        return await self._database.write(work)

    async def settle(
        self,
        no: int,
        phase: Phase,
        task_state: TaskState,
        reason: str,
        at: Micros,
        cause: EndCause = EndCause.AGENT_LOST,
    ) -> Kernel | None:
        def work(connection: Connection) -> Kernel | None:
            kernel = load_kernel(connection, no)
            if kernel is None:
                return None
            end = TaskChange(seq=0, state=task_state, ended_at=at, reason=reason, cause=cause)
            told: list[Run] = []
            opened = load_open_tasks(connection, no)
            moved = change_tasks(
                connection, [(task, replace(end, seq=task.seq)) for task in opened], told
            )
            note(connection, kernel, told)
            settled = replace(
                entering(kernel, phase, reason, at, cause),
                journal_closed=True,
                current_seq=None,
                current_task_id=None,
                open_tasks=kernel.open_tasks - len(moved),
            )
            return move_kernel(connection, kernel, settled, at)

        return await self._database.write(work)

    async def remove(self, no: int) -> None:
        """In many small transactions, so that a large kernel does not hold others up.

        The kernel's own row goes last: until then whoever removes it finds it again after a crash.
        """
        while not await self._database.write(lambda c: _remove_some(c, no)):
            pass
        await self._database.give_back_space()

    async def kept(
        self, limit: int, *, ended_by: Micros | None = None, newest: bool = False
    ) -> list[Kernel]:
        return await self._all(retention.kept_statement(limit, ended_by, newest))

    async def kept_bytes(self) -> int:
        return await self._database.read(retention.kept_bytes)

    async def remove_outputs(self, no: int, at: Micros) -> bool:
        if not await self._database.write(lambda c: retention.begin_removal(c, no, at)):
            return False
        while not await self._database.write(lambda c: retention.remove_portion(c, no)):
            pass
        await self._database.give_back_space()
        return True

    async def half_removed(self) -> list[Kernel]:
        return await self._all(retention.HALF_REMOVED)

    async def ended(self, ended_by: Micros, limit: int) -> list[Kernel]:
        return await self._all(retention.ended_statement(ended_by, limit))

    async def history(self, kernel_no: int) -> list[StateChange]:
        query = history_statement(kernel_no)
        rows = await self._database.read(lambda c: c.execute(query).all())
        return [
            StateChange(
                number=number,
                at=at,
                kernel_id=kernel_id,
                task_id=None,
                state=state,
                reason=reason,
                cause=cause,
            )
            for number, at, kernel_id, state, reason, cause in rows
        ]

    async def _one(self, query: Select[Any], values: Values) -> Kernel | None:
        row = await self._database.read(lambda c: c.execute(query, values).one_or_none())
        return kernel_of(row) if row else None

    async def _all(self, query: Select[Any]) -> list[Kernel]:
        return await self._database.read(lambda c: [kernel_of(row) for row in c.execute(query)])


def external_statement(owner: str | None) -> Select[Any]:
    """Select the kernel that an owner, or anybody at all, has given an id."""
    query = select(kernels).where(kernels.c.external_id == bindparam("external_id"), EXTERNAL)
    if owner is not None:
        return query.where(kernels.c.owner == bindparam("owner"))
    return query.order_by(kernels.c.no.desc()).limit(1)


def history_statement(kernel_no: int) -> Select[Any]:
    """Select the changes of a kernel itself, along an index that leaves its tasks' out."""
    return (
        select(
            changes.c.number,
            changes.c.at,
            kernels.c.id,
            changes.c.state,
            changes.c.reason,
            changes.c.cause,
        )
        .join_from(changes, kernels, kernels.c.no == changes.c.kernel_no)
        .where(changes.c.kernel_no == kernel_no, changes.c.task_no.is_(None))
        .order_by(changes.c.number)
    )


def kernels_statement(query: KernelQuery) -> Select[Any]:
    """Select the kernels of a page, and one more if there are more."""
    conditions: Conditions = [_VISIBLE]
    if query.owner is not None:
        conditions.append(kernels.c.owner == query.owner)
    if query.name is not None:
        conditions.append(kernels.c.name == query.name)
    phases = None if query.phases is None else [phase.value for phase in query.phases]
    limit = query.limit + 1
    if query.labels or query.name is not None:
        if phases is not None:
            conditions.append(kernels.c.phase.in_(phases))
        if query.labels:
            return labelled(
                kernels, kernel_labels, query.labels, conditions, before=query.before, limit=limit
            )
        phases = None
    elif phases is None and query.owner is not None:
        phases = [phase.value for phase in Phase]
    return newest(
        kernels, conditions, column="phase", values=phases, before=query.before, limit=limit
    )


def existing_kernel(
    connection: Connection, kernel: Kernel, idempotency: Idempotency | None
) -> Kernel | None:
    """What the key has made already. Raises as ``KernelStore.insert`` does."""
    same_name = {"owner": kernel.owner, "name": kernel.name}
    # Looked at before the key: if the same request was kept in between, the key tells.
    taken = kernel.name is not None and connection.execute(_LIVE_BY_NAME, same_name).first()
    same = {"owner": kernel.owner, "identity": kernel.identity}
    attached = kernel.identity is not None and connection.execute(_LIVE_BY_IDENTITY, same).first()
    known = {"owner": kernel.owner, "external_id": kernel.external_id}
    exists = kernel.external_id is not None and connection.execute(_EXTERNAL, known).first()
    if idempotency:
        query = select(kernels).where(
            kernels.c.owner == kernel.owner, kernels.c.idempotency_key == idempotency.key
        )
        made = connection.execute(query).one_or_none()
        if made and made.idempotency_digest != idempotency.digest:
            raise IdempotencyKeyReused
        if made:
            return kernel_of(made)
    if taken:
        raise NameTaken
    if attached:
        raise AlreadyAttached
    if exists:
        raise AlreadyExists(KERNEL_EXISTS)
    return None


def key_values(idempotency: Idempotency | None) -> Values:
    """The columns of a kernel that remember how it was asked for."""
    if idempotency is None:
        return {}
    return {"idempotency_key": idempotency.key, "idempotency_digest": idempotency.digest}


def keep_labels(connection: Connection, no: int, labels: dict[str, str]) -> None:
    """Keep the labels of a kernel that has none yet."""
    if labels:
        connection.execute(insert(kernel_labels), label_rows(no, labels))


def insert_kernel(
    connection: Connection, kernel: Kernel, idempotency: Idempotency | None
) -> Kernel:
    """Keep a new kernel; return it with its number."""
    values = new_kernel_values(kernel) | key_values(idempotency)
    no = connection.execute(insert(kernels).returning(kernels.c.no), values).scalar_one()
    keep_labels(connection, no, kernel.labels)
    kept = replace(kernel, no=no)
    note(connection, kept, [(None, [first_mark(kept)])])
    return kept


def _insert(
    connection: Connection, kernel: Kernel, idempotency: Idempotency | None
) -> tuple[Kernel, bool]:
    made = existing_kernel(connection, kernel, idempotency)
    if made is not None:
        return made, False
    return insert_kernel(connection, kernel, idempotency), True


def _remove_some(connection: Connection, no: int) -> bool:
    if load_kernel(connection, no) is None:
        return True
    # It is locked now: nobody appends to it between the last deletion and that of its row.
    ours = outputs.c.id.between(output_id(no, 0), output_id(no, LARGEST_NUMBER))
    removed = 0
    for key, mine in (
        (outputs.c.id, ours),
        (changes.c.number, changes.c.kernel_no == no),
        (tasks.c.no, tasks.c.kernel_no == no),
    ):
        some = select(key).where(mine).limit(_REMOVED_AT_ONCE)
        removed += connection.execute(delete(key.table).where(key.in_(some))).rowcount
    if removed:
        return False
    connection.execute(delete(kernels).where(kernels.c.no == no))
    return True
