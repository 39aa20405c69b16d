"""The copy of the journals in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, bindparam, select

from kernelyard.model.kernels import Kernel
from kernelyard.model.projection import Projection, project
from kernelyard.model.records import Record
from kernelyard.model.tasks import Task, TaskState
from kernelyard.ports.stores import Stored
from kernelyard.stores.sql.database import Database
from kernelyard.stores.sql.moves import (
    Run,
    change_tasks,
    insert_task,
    keep_kernel,
    load_kernel,
    load_open_tasks,
    load_tasks,
    note,
)
from kernelyard.stores.sql.rows import LARGEST_NUMBER, output_id, record_of, record_values
from kernelyard.stores.sql.tables import outputs
from kernelyard.stores.transitions import Mark, asked_task, following, new_records, orphaned

_COLUMNS = ("id", "at", "seq", "kind", "body")
_READ = (
    select(*(outputs.c[name] for name in _COLUMNS))
    .where(outputs.c.id > bindparam("after"), outputs.c.id <= bindparam("through"))
    .order_by(outputs.c.id)
    .limit(bindparam("most"))
    # Rows are fetched few at a time: they are left where they are once there are bytes enough.
    .execution_options(stream_results=True, max_row_buffer=16)
)
_READ_SEQ = _READ.where(outputs.c.seq == bindparam("seq"))


class SqlOutputs:
    """``OutputStore`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(
        self, kernel_no: int, records: Sequence[Record], projection: Projection
    ) -> Stored | None:
        return await self._database.write(lambda c: _append(c, kernel_no, records, projection))

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
        bounds = {
            "after": output_id(kernel_no, after),
            "through": output_id(kernel_no, LARGEST_NUMBER if through is None else through),
            "most": limit,
        }
        if seq is not None:
            bounds["seq"] = seq

        def work(connection: Connection) -> list[Record]:
            taken: list[Record] = []
            size = 0
            with connection.execute(_READ if seq is None else _READ_SEQ, bounds) as rows:
                for row in rows:
                    record = record_of(row)
                    size += len(record.body)
                    if taken and size > most_bytes:
                        break
                    taken.append(record)
            return taken

        return await self._database.read(work)


def _append(
    connection: Connection, kernel_no: int, records: Sequence[Record], projection: Projection
) -> Stored | None:
    before = load_kernel(connection, kernel_no)
    if before is None:
        return None
    fresh = new_records(before.stored_number, records)
    if not fresh:
        return Stored(before.stored_number, whole=False)
    if fresh is not records:
        projection = project(fresh)
    _insert(connection, kernel_no, fresh)
    after, marks = following(before, projection)
    told: list[Run] = []
    made = _take_in_runs(connection, after, projection, told)
    moved = _settle(connection, after, projection, told)
    if projection.closed:
        opened = load_open_tasks(connection, kernel_no)
        ends = [(task, orphaned(task, after, fresh[-1].at)) for task in opened]
        moved |= change_tasks(connection, ends, told)
    note(connection, after, [*told, (None, marks)])
    ended = sum(task.state.is_final for task in moved.values())
    after = replace(
        after,
        open_tasks=before.open_tasks + made - ended,
        current_task_id=_current(connection, before, after, moved),
    )
    keep_kernel(connection, before, after)
    settled = tuple(task for task in moved.values() if task.state.is_final)
    return Stored(after.stored_number, settled, whole=fresh is records)


def _insert(connection: Connection, kernel_no: int, records: Sequence[Record]) -> None:
    connection.exec_driver_sql(
        _insert_text(connection.dialect.paramstyle),
        [record_values(kernel_no, record) for record in records],
    )


def _insert_text(paramstyle: str) -> str:
    """The statement that copies records, as the driver takes it.

    Rows go to the driver as they are: passing them through Core costs more than storing them does.
    """
    places = {"qmark": ["?"] * 5, "numeric_dollar": [f"${n}" for n in range(1, 6)]}[paramstyle]
    return (
        f"INSERT INTO outputs ({', '.join(_COLUMNS)}) VALUES ({', '.join(places)}) "  # noqa: S608
        "ON CONFLICT DO NOTHING"
    )


def _take_in_runs(
    connection: Connection, kernel: Kernel, projection: Projection, told: list[Run]
) -> int:
    """Keep the tasks that come from the journal only; return how many there are."""
    runs = [asked_task(kernel.no, kernel.id, kernel.owner, one) for one in projection.tasks]
    new = [run for run in runs if run is not None]
    for run in new:
        no = insert_task(connection, run)
        told.append((no, [Mark(run.created_at, TaskState.QUEUED, None)]))
    return len(new)


def _settle(
    connection: Connection, kernel: Kernel, projection: Projection, told: list[Run]
) -> dict[int, Task]:
    if not projection.tasks:
        return {}
    changes = {change.seq: change for change in projection.tasks}
    found = load_tasks(connection, kernel.no, changes)
    return change_tasks(connection, [(task, changes[task.seq]) for task in found], told)


def _current(
    connection: Connection, before: Kernel, after: Kernel, moved: dict[int, Task]
) -> str | None:
    seq = after.current_seq
    if seq is None or seq == before.current_seq:
        return None if seq is None else before.current_task_id
    if seq in moved:
        return moved[seq].id
    found = load_tasks(connection, after.no, [seq])
    return found[0].id if found else None
