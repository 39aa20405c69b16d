"""Loading, moving and keeping kernels and tasks within one transaction."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, bindparam, insert, select, text, update

from kernelyard.model.kernels import Kernel
from kernelyard.model.projection import TaskChange
from kernelyard.model.quantities import Micros
from kernelyard.model.tasks import Task
from kernelyard.stores.sql.rows import (
    changed_kernel_values,
    kernel_of,
    label_rows,
    moving_task_values,
    new_task_values,
    plain,
    task_of,
)
from kernelyard.stores.sql.tables import changes, kernels, task_labels, tasks
from kernelyard.stores.transitions import OPEN_STATES, Mark, changed_task, in_order, marks_between

# Locking the row orders the writers of one kernel where a database has several writers at once.
_KERNEL = select(kernels).where(kernels.c.no == bindparam("no")).with_for_update()
_OPEN = (
    select(tasks)
    .where(tasks.c.kernel_no == bindparam("kernel_no"))
    .where(tasks.c.state.in_(sorted(OPEN_STATES)))
    .order_by(tasks.c.no)
)
_BY_SEQS = select(tasks).where(
    tasks.c.kernel_no == bindparam("kernel_no"),
    tasks.c.seq.in_(bindparam("seqs", expanding=True)),
)
# Which columns are set follows from the parameters; building a statement costs more than running it.
_KEEP_KERNEL = update(kernels).where(kernels.c.no == bindparam("kernel"))
_KEEP_TASK = update(tasks).where(tasks.c.no == bindparam("task"))
_NOTE = insert(changes)
_INSERT_TASK = insert(tasks).returning(tasks.c.no)
_LABEL_TASK = insert(task_labels)
# With several writers a larger number could be committed before a smaller one, and a reader who has
# seen the larger would miss the smaller. So whoever is to be given numbers waits until those who were
# given some have committed. Nothing that others may hold is waited for after it, so nobody waits for
# each other in a circle.
IN_ORDER = 7020171
_IN_ORDER = text(f"SELECT pg_advisory_xact_lock({IN_ORDER})")
Values = dict[str, object]
Run = tuple[int | None, Sequence[Mark]]
"""A task's number, or None for the kernel itself, and its marks."""


def load_kernel(connection: Connection, no: int) -> Kernel | None:
    """Return a kernel to be moved."""
    row = connection.execute(_KERNEL, {"no": no}).one_or_none()
    return kernel_of(row) if row else None


def keep_kernel(connection: Connection, before: Kernel, after: Kernel) -> Kernel:
    """Write down what is different about a kernel; return it as it is kept."""
    values = changed_kernel_values(before, after)
    if values:
        connection.execute(_KEEP_KERNEL, {"kernel": after.no, **values})
    return after


def move_kernel(connection: Connection, before: Kernel, after: Kernel, at: Micros) -> Kernel:
    """Keep a kernel and note the change of its state, if there is one."""
    note(connection, after, [(None, marks_between(before, after, at))])
    return keep_kernel(connection, before, after)


def load_open_tasks(connection: Connection, kernel_no: int) -> list[Task]:
    """Return the tasks queued or running, in order."""
    return [task_of(row) for row in connection.execute(_OPEN, {"kernel_no": kernel_no})]


def load_tasks(connection: Connection, kernel_no: int, seqs: Collection[int]) -> list[Task]:
    """Return tasks by their numbers in the queue; there may be fewer than asked for."""
    asked = {"kernel_no": kernel_no, "seqs": list(seqs)}
    return [task_of(row) for row in connection.execute(_BY_SEQS, asked)]


def insert_task(
    connection: Connection, task: Task, idempotency: Mapping[str, object] | None = None
) -> int:
    """Keep a new task with its labels; return its number. ``idempotency`` has the columns of that."""
    values = {**new_task_values(task), **(idempotency or {})}
    no: int = connection.execute(_INSERT_TASK, values).scalar_one()
    if task.labels:
        connection.execute(_LABEL_TASK, label_rows(no, task.labels))
    return no


def change_tasks(
    connection: Connection, moves: Sequence[tuple[Task, TaskChange]], told: list[Run]
) -> dict[int, Task]:
    """Apply changes to tasks; return those that moved by their numbers in the queue.

    Their marks are added to ``told``, to be noted with whatever else the transaction changes.
    """
    moved: dict[int, Task] = {}
    for task, change in moves:
        after, marks = changed_task(task, change)
        if after is not task:
            moved[task.seq] = after
            told.append((task.no, marks))
    if moved:
        rows = [{"task": one.no, **moving_task_values(one)} for one in moved.values()]
        connection.execute(_KEEP_TASK, rows)
    return moved


def note(connection: Connection, kernel: Kernel, runs: Sequence[Run]) -> None:
    """Write down marks of a kernel and of its tasks, numbered in order of time.

    One that waits in a pool is nobody's, and nobody is told of it.
    """
    marks = in_order(runs)
    if not marks or kernel.waits:
        return
    rows: list[Values] = [
        {
            "at": mark.at,
            "kernel_no": kernel.no,
            "owner": kernel.owner,
            "task_no": task_no,
            "state": str(mark.state),
            "reason": plain(mark.reason),
            "cause": mark.cause,
        }
        for task_no, mark in marks
    ]
    write_changes(connection, rows)


def write_changes(connection: Connection, rows: list[Values]) -> None:
    """Insert rows of changes, with numbers that grow in the order of commits.

    The last of a transaction that waits for anybody.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(_IN_ORDER)
    connection.execute(_NOTE, rows)
