"""Tasks in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    func,
    select,
    text,
    update,
)

from kernelyard.model.errors import (
    AlreadyExists,
    IdempotencyKeyReused,
    KernelEnded,
    KernelNotFound,
    TaskFinished,
    TaskNotFound,
)
from kernelyard.model.kernel_phases import Wanted
from kernelyard.model.paging import Page
from kernelyard.model.tasks import FIRST_CLIENT_SEQ, Cancellation, Task, TaskState
from kernelyard.ports.stores import Idempotency, TaskQuery
from kernelyard.stores.sql.database import Database
from kernelyard.stores.sql.listing import Conditions, having, labelled, newest
from kernelyard.stores.sql.moves import insert_task, keep_kernel, load_kernel, note
from kernelyard.stores.sql.rows import json_text, task_of
from kernelyard.stores.sql.tables import GONE, kernels, task_labels, tasks
from kernelyard.stores.transitions import OPEN_STATES, TASK_EXISTS, Mark, bolder

_GONE = select(kernels.c.no).where(text(GONE))
_VISIBLE = tasks.c.kernel_no.not_in(_GONE)
_BY_ID = select(tasks).where(tasks.c.id == bindparam("id"), _VISIBLE)
EXTERNAL = select(tasks).where(
    tasks.c.kernel_no == bindparam("kernel_no"),
    tasks.c.external_id == bindparam("external_id"),
    _VISIBLE,
)
"""The task of a kernel that was given an id at a door with ids of its own."""

# Built once: building a statement costs more than running it.
_BY_KEY = select(tasks).where(
    tasks.c.kernel_no == bindparam("kernel_no"), tasks.c.idempotency_key == bindparam("key")
)
_LAST_SEQ = select(func.max(tasks.c.seq)).where(
    tasks.c.kernel_no == bindparam("kernel_no"), tasks.c.seq < FIRST_CLIENT_SEQ
)


def _is_open(state: ColumnElement[str]) -> ColumnElement[bool]:
    return state.in_(sorted(OPEN_STATES))


def _between_statement() -> Select[Any]:
    """Select, for some tasks, how many open ones stand between each and the one of them before it."""
    page = (
        select(
            tasks.c.no,
            tasks.c.kernel_no,
            func.lag(tasks.c.no, 1, 0)
            .over(partition_by=tasks.c.kernel_no, order_by=tasks.c.no)
            .label("previous"),
        )
        .where(tasks.c.no.in_(bindparam("nos", expanding=True)))
        .subquery()
    )
    other = tasks.alias()
    between = (
        select(func.count())
        .select_from(other)
        .where(other.c.kernel_no == page.c.kernel_no, _is_open(other.c.state))
        .where(other.c.no >= page.c.previous, other.c.no < page.c.no)
        .scalar_subquery()
    )
    return select(page.c.no, page.c.kernel_no, between).order_by(page.c.kernel_no, page.c.no)


_BETWEEN = _between_statement()


class SqlTasks:
    """``TaskStore`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, task: Task, idempotency: Idempotency | None) -> tuple[Task, bool]:
        return await self._database.write(lambda c: insert_new_task(c, task, idempotency))

    async def get(self, task_id: str, owner: str | None) -> Task:
        found = await self._database.read(
            lambda c: _counted(c, c.execute(_BY_ID, {"id": task_id}).all())
        )
        if not found or owner not in (None, found[0].owner):
            raise TaskNotFound
        return found[0]

    async def by_external_id(self, kernel_no: int, external_id: str) -> Task:
        asked = {"kernel_no": kernel_no, "external_id": external_id}
        found = await self._database.read(lambda c: _counted(c, c.execute(EXTERNAL, asked).all()))
        if not found:
            raise TaskNotFound
        return found[0]

    async def find(self, query: TaskQuery) -> Page[Task]:
        found = await self._all(tasks_statement(query))
        items = found[: query.limit]
        return Page(items, items[-1].no if len(found) > query.limit else None)

    async def undelivered(self, kernel_no: int, after_seq: int, limit: int) -> list[Task]:
        return await self._all(undelivered_statement(kernel_no, after_seq, limit))

    async def cancelling(self, kernel_no: int) -> list[Task]:
        query = (
            select(tasks)
            .where(tasks.c.kernel_no == kernel_no, _is_open(tasks.c.state))
            .where(tasks.c.cancel_requested)
            .order_by(tasks.c.no)
        )
        return await self._all(query)

    async def request_cancel(self, no: int, how: Cancellation = Cancellation()) -> Task:
        def work(connection: Connection) -> Task:
            row = connection.execute(
                select(tasks).where(tasks.c.no == no).with_for_update()
            ).one_or_none()
            if row is None:
                raise TaskNotFound
            if TaskState(row.state).is_final:
                raise TaskFinished
            task = _counted(connection, [row])[0]
            asked = bolder(task.cancellation, how)
            values = {"cancel_requested": True, "cancellation": json_text(asdict(asked))}
            connection.execute(update(tasks).where(tasks.c.no == no).values(values))
            return replace(task, cancel_requested=True, cancellation=asked)

        return await self._database.write(work)

    async def request_cancel_queued(self, kernel_no: int, how: Cancellation) -> None:
        queued = (tasks.c.kernel_no == kernel_no, tasks.c.state == TaskState.QUEUED.value)
        values = {"cancel_requested": True, "cancellation": json_text(asdict(how))}
        statement = update(tasks).where(*queued, ~tasks.c.cancel_requested).values(values)
        await self._database.write(lambda c: c.execute(statement))

    async def _all(self, query: Select[Any]) -> list[Task]:
        return await self._database.read(lambda c: _counted(c, c.execute(query).all()))


def tasks_statement(query: TaskQuery) -> Select[Any]:
    """Select the tasks of a page, and one more if there are more."""
    conditions: Conditions = [_VISIBLE]
    if query.owner is not None:
        conditions.append(tasks.c.owner == query.owner)
    if query.kernel_no is not None:
        conditions.append(tasks.c.kernel_no == query.kernel_no)
    states = None if query.states is None else [state.value for state in query.states]
    limit = query.limit + 1
    if query.labels and query.states is not None and query.states <= OPEN_STATES:
        # Of open tasks there are few, of those with a label there may be very many.
        conditions += having(tasks, task_labels, query.labels)
    elif query.labels:
        if states is not None:
            conditions.append(tasks.c.state.in_(states))
        return labelled(
            tasks, task_labels, query.labels, conditions, before=query.before, limit=limit
        )
    if states is None and (query.owner is not None or query.kernel_no is not None):
        states = [state.value for state in TaskState]
    return newest(
        tasks, conditions, column="state", values=states, before=query.before, limit=limit
    )


def undelivered_statement(kernel_no: int, after_seq: int, limit: int) -> Select[Any]:
    """Select queued tasks behind ``after_seq``, along the index that ends with the number."""
    other = tasks.alias()
    last = (
        select(other.c.no)
        .where(other.c.kernel_no == kernel_no, other.c.seq == after_seq)
        .scalar_subquery()
    )
    return (
        select(tasks)
        .where(tasks.c.kernel_no == kernel_no, tasks.c.state == TaskState.QUEUED.value)
        .where(tasks.c.no > func.coalesce(last, 0), tasks.c.seq > after_seq)
        .order_by(tasks.c.no)
        .limit(limit)
    )


def _counted(connection: Connection, rows: Sequence[Row[Any]]) -> list[Task]:
    """Tasks with ``ahead``: the queue is walked through once, not once for each of them."""
    queued = [row.no for row in rows if row.state == TaskState.QUEUED.value]
    ahead: dict[int, int] = {}
    if queued:
        walked: int | None = None
        count = 0
        for no, kernel_no, between in connection.execute(_BETWEEN, {"nos": queued}):
            count = between + (count if kernel_no == walked else 0)
            walked = kernel_no
            ahead[no] = count
    return [task_of(row, ahead.get(row.no, 0)) for row in rows]


def insert_new_task(
    connection: Connection, task: Task, idempotency: Idempotency | None
) -> tuple[Task, bool]:
    """Keep a new task, or find the one that its key has made. Raises as ``TaskStore.insert`` does."""
    kernel = load_kernel(connection, task.kernel_no)
    if kernel is None or kernel.wanted is Wanted.GONE:
        raise KernelNotFound
    if idempotency:
        asked = {"kernel_no": kernel.no, "key": idempotency.key}
        made = connection.execute(_BY_KEY, asked).one_or_none()
        if made and made.idempotency_digest != idempotency.digest:
            raise IdempotencyKeyReused
        if made:
            return _counted(connection, [made])[0], False
    if not kernel.takes_tasks:
        raise KernelEnded
    known = {"kernel_no": kernel.no, "external_id": task.external_id}
    if task.external_id is not None and connection.execute(EXTERNAL, known).first():
        raise AlreadyExists(TASK_EXISTS)
    last = connection.execute(_LAST_SEQ, {"kernel_no": kernel.no}).scalar_one()
    seq = (last or 0) + 1
    kept = replace(task, seq=seq, kernel_id=kernel.id, owner=kernel.owner, ahead=kernel.open_tasks)
    once: dict[str, object] = {}
    if idempotency:
        once = {"idempotency_key": idempotency.key, "idempotency_digest": idempotency.digest}
    no = insert_task(connection, kept, once)
    note(connection, kernel, [(no, [Mark(task.created_at, TaskState.QUEUED, None)])])
    active = max(kernel.last_activity_at or 0, task.created_at)
    busier = replace(kernel, open_tasks=kernel.open_tasks + 1, last_activity_at=active)
    keep_kernel(connection, kernel, busier)
    return replace(kept, no=no), True
