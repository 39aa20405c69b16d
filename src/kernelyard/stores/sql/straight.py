"""What is done for every execution, straight on SQLite's driver: a task comes, records come, one reads.

The statements are those of the other files, without what it costs to have them composed and their rows
wrapped. What is not an everyday case is left to the other files: ``NotStraight`` is raised before
anything is written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import make_dataclass, replace
from typing import Any

from kernelyard.model.errors import (
    KernelEnded,
    KernelNotFound,
    TaskNotFound,
)
from kernelyard.model.kernel_phases import Phase, Wanted
from kernelyard.model.kernels import TAKES_NO_TASKS
from kernelyard.model.projection import Projection, project
from kernelyard.model.records import Record
from kernelyard.model.tasks import FIRST_CLIENT_SEQ, Task, TaskState
from kernelyard.ports.stores import Idempotency, Stored
from kernelyard.stores.sql.moves import Run
from kernelyard.stores.sql.rows import (
    LARGEST_NUMBER,
    moving_task_values,
    new_task_values,
    output_id,
    record_of,
    record_values,
    task_of,
)
from kernelyard.stores.sql.straight_kernels import keep_kernel, note_straight, read_kernel
from kernelyard.stores.sql.tables import tasks
from kernelyard.stores.transitions import Mark, asked_task, changed_task, following, new_records

_COLUMNS = tuple(column.name for column in tasks.columns)
_Row: Any = make_dataclass("_Row", _COLUMNS, slots=True)
_TRUTHS = [_COLUMNS.index(name) for name in ("cancel_requested", "state_preserved")]
_NEW = (*(name for name in _COLUMNS if name not in ("no", "cancellation")),)
_MOVING = tuple(
    moving_task_values(
        Task(no=0, id="", kernel_no=0, kernel_id="", owner="", seq=0, code="", created_at=0)
    )
)

_TASK = f"SELECT {', '.join(_COLUMNS)} FROM tasks "  # noqa: S608 - names of columns
_TASK_BY_SEQ = _TASK + "WHERE kernel_no = ? AND seq = ?"
_VISIBLE = "kernel_no NOT IN (SELECT no FROM kernels WHERE wanted = 'gone')"
_TASK_BY_ID = _TASK + "WHERE id = ? AND " + _VISIBLE
_KEY = "SELECT 1 FROM tasks WHERE kernel_no = ? AND idempotency_key = ?"
_FOR_TASK = (
    "SELECT id, owner, wanted, phase, open_tasks, last_activity_at, pool_no "
    "FROM kernels WHERE no = ?"
)
_LAST_SEQ = f"SELECT max(seq) FROM tasks WHERE kernel_no = ? AND seq < {FIRST_CLIENT_SEQ}"  # noqa: S608
_INSERT_TASK = (
    f"INSERT INTO tasks ({', '.join(_NEW)}) VALUES ({', '.join('?' * len(_NEW))}) "  # noqa: S608
    "RETURNING no"
)
_ID = "SELECT id FROM kernels WHERE no = ?"
_LABEL = "INSERT INTO task_labels (key, value, no) VALUES (?, ?, ?)"
_BUSIER = "UPDATE kernels SET open_tasks = open_tasks + 1, last_activity_at = ? WHERE no = ?"
_MOVE_TASK = f"UPDATE tasks SET {', '.join(f'{name} = ?' for name in _MOVING)} WHERE no = ?"  # noqa: S608
_FOR_RECORDS = (
    "SELECT owner, phase, stored_number, current_seq, current_task_id, last_activity_at, pool_no "
    "FROM kernels WHERE no = ?"
)
_INSERT_RECORDS = (
    "INSERT INTO outputs (id, at, seq, kind, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)
_KEEP_KERNEL = (
    "UPDATE kernels SET stored_number = ?, stored_bytes = stored_bytes + ?, last_activity_at = ?, "
    "current_seq = ?, current_task_id = ?, open_tasks = open_tasks - ? WHERE no = ?"
)
_READ = "SELECT id, at, seq, kind, body FROM outputs WHERE id > ? AND id <= ? "
_READ_ALL = _READ + "ORDER BY id LIMIT ?"
_READ_SEQ = _READ + "AND seq = ? ORDER BY id LIMIT ?"


class NotStraight(Exception):
    """This is not an everyday case. Nothing was written."""


def insert_task(
    driver: sqlite3.Connection, task: Task, idempotency: Idempotency | None
) -> tuple[Task, bool]:
    """Keep a new task, as ``TaskStore.insert`` says. Raises NotStraight for one with labels or an id
    of its own.
    """
    if task.labels or task.external_id is not None:
        raise NotStraight
    row = driver.execute(_FOR_TASK, (task.kernel_no,)).fetchone()
    if row is None or row[2] == Wanted.GONE:
        raise KernelNotFound
    kernel_id, owner, wanted, phase, open_tasks, last_activity, pool = row
    if pool is not None:
        raise NotStraight
    if idempotency is not None and _is_known(driver, task.kernel_no, idempotency.key):
        raise NotStraight
    if wanted != Wanted.RUN or phase in TAKES_NO_TASKS:
        raise KernelEnded
    (last,) = driver.execute(_LAST_SEQ, (task.kernel_no,)).fetchone()
    kept = replace(task, seq=(last or 0) + 1, kernel_id=kernel_id, owner=owner, ahead=open_tasks)
    values = new_task_values(kept)
    if idempotency is not None:
        values["idempotency_key"] = idempotency.key
        values["idempotency_digest"] = idempotency.digest
    (no,) = driver.execute(_INSERT_TASK, [values.get(name) for name in _NEW]).fetchone()
    note_straight(
        driver, (task.kernel_no, owner), [(no, [Mark(task.created_at, TaskState.QUEUED, None)])]
    )
    driver.execute(_BUSIER, (max(last_activity or 0, task.created_at), task.kernel_no))
    return replace(kept, no=no), True


def append_records(
    driver: sqlite3.Connection, kernel_no: int, records: Sequence[Record], projection: Projection
) -> Stored | None:
    """Copy records, as ``OutputStore.append`` says.

    Raises NotStraight where they end the kernel, or it waits in a pool.
    """
    row = driver.execute(_FOR_RECORDS, (kernel_no,)).fetchone()
    if row is None:
        return None
    owner, phase, stored_number, current_seq, current_id, last_activity, pool = row
    fresh = new_records(stored_number, records)
    if not fresh:
        return Stored(stored_number, whole=False)
    if fresh is not records:
        projection = project(fresh)
    if pool is not None or projection.closed or Phase(phase).is_final:
        raise NotStraight
    driver.executemany(_INSERT_RECORDS, [record_values(kernel_no, record) for record in fresh])
    if _moves_kernel(projection):
        settled = _move(driver, kernel_no, projection)
        return Stored(projection.last_number, settled, whole=fresh is records)
    told: list[Run] = []
    made = _take_in_runs(driver, (kernel_no, owner), projection, told)
    moved = _settle(driver, kernel_no, projection, told)
    note_straight(driver, (kernel_no, owner), told)
    seq = projection.current_after(current_seq)
    if seq != current_seq:
        current_id = _id_of(driver, kernel_no, seq, moved)
    times = [at for at in (last_activity, projection.last_activity_at) if at is not None]
    settled = tuple(task for task in moved.values() if task.state.is_final)
    size = projection.size
    active = max(times, default=None)
    number = projection.last_number
    values = (number, size, active, seq, current_id, len(settled) - made, kernel_no)
    driver.execute(_KEEP_KERNEL, values)
    return Stored(number, settled, whole=fresh is records)


def read_task(driver: sqlite3.Connection, task_id: str) -> Task:
    """Return a task, as ``TaskStore.get`` says. Raises NotStraight for one that is queued."""
    row = driver.execute(_TASK_BY_ID, (task_id,)).fetchone()
    if row is None:
        raise TaskNotFound
    task = _task(row)
    if task.state is TaskState.QUEUED:
        raise NotStraight
    return task


def read_records(
    driver: sqlite3.Connection,
    kernel_no: int,
    numbers: tuple[int, int | None],
    seq: int | None,
    limit: int,
    most_bytes: int,
) -> list[Record]:
    """Return records over the first and up to the second of ``numbers``, as ``OutputStore.read`` says."""
    after, through = numbers
    bounds = [
        output_id(kernel_no, after),
        output_id(kernel_no, LARGEST_NUMBER if through is None else through),
    ]
    if seq is not None:
        bounds.append(seq)
    taken: list[Record] = []
    size = 0
    rows = driver.execute(_READ_ALL if seq is None else _READ_SEQ, [*bounds, limit])
    try:
        for row in rows:
            record = record_of(row)
            size += len(record.body)
            if taken and size > most_bytes:
                break
            taken.append(record)
    finally:
        # What was left where it is must not hold the snapshot.
        rows.close()
    return taken


def _is_known(driver: sqlite3.Connection, kernel_no: int, key: str) -> bool:
    return driver.execute(_KEY, (kernel_no, key)).fetchone() is not None


def _moves_kernel(projection: Projection) -> bool:
    return bool(projection.phases or projection.closed or projection.info or projection.ran_attempt)


def _move(driver: sqlite3.Connection, kernel_no: int, projection: Projection) -> tuple[Task, ...]:
    """Apply to kernel and tasks what records say that move the kernel; return the tasks that ended."""
    before = read_kernel(driver, kernel_no)
    if before is None:
        raise NotStraight
    after, marks = following(before, projection)
    told: list[Run] = []
    made = _take_in_runs(driver, (kernel_no, after.owner), projection, told)
    moved = _settle(driver, kernel_no, projection, told)
    note_straight(driver, (kernel_no, after.owner), [*told, (None, marks)])
    settled = tuple(task for task in moved.values() if task.state.is_final)
    current = before.current_task_id
    if after.current_seq != before.current_seq:
        current = _id_of(driver, kernel_no, after.current_seq, moved)
    opened = before.open_tasks + made - len(settled)
    keep_kernel(driver, before, replace(after, open_tasks=opened, current_task_id=current))
    return settled


def _take_in_runs(
    driver: sqlite3.Connection, kernel: tuple[int, str], projection: Projection, told: list[Run]
) -> int:
    """Keep the tasks that come from the journal only; return how many there are."""
    asked = [change for change in projection.tasks if change.asked is not None]
    if not asked:
        return 0
    no, owner = kernel
    (kernel_id,) = driver.execute(_ID, (no,)).fetchone()
    runs = [asked_task(no, kernel_id, owner, change) for change in asked]
    new = [run for run in runs if run is not None]
    for run in new:
        values = new_task_values(run)
        (task_no,) = driver.execute(_INSERT_TASK, [values.get(name) for name in _NEW]).fetchone()
        driver.executemany(_LABEL, [(*pair, task_no) for pair in run.labels.items()])
        told.append((task_no, [Mark(run.created_at, TaskState.QUEUED, None)]))
    return len(new)


def _settle(
    driver: sqlite3.Connection, kernel_no: int, projection: Projection, told: list[Run]
) -> dict[int, Task]:
    moved: dict[int, Task] = {}
    for change in projection.tasks:
        row = driver.execute(_TASK_BY_SEQ, (kernel_no, change.seq)).fetchone()
        if row is None:
            continue
        before = _task(row)
        after, marks = changed_task(before, change)
        if after is not before:
            moved[after.seq] = after
            told.append((after.no, marks))
            driver.execute(_MOVE_TASK, (*moving_task_values(after).values(), after.no))
    return moved


def _id_of(
    driver: sqlite3.Connection, kernel_no: int, seq: int | None, moved: dict[int, Task]
) -> str | None:
    if seq is None:
        return None
    if seq in moved:
        return moved[seq].id
    row = driver.execute(_TASK_BY_SEQ, (kernel_no, seq)).fetchone()
    return _task(row).id if row is not None else None


def _task(row: tuple[Any, ...]) -> Task:
    """A row as SQLite gives it, which has no truth values, as a task."""
    values = list(row)
    for place in _TRUTHS:
        if values[place] is not None:
            values[place] = bool(values[place])
    return task_of(_Row(*values))
