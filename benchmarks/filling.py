"""Filling a store in SQLite with what a long life leaves behind, in bulk."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, create_engine, insert

from kernelyard.model.images import ImageSnapshot
from kernelyard.model.kernel_phases import Phase, Wanted
from kernelyard.model.kernels import Kernel
from kernelyard.model.records import Record, RecordKind
from kernelyard.model.tasks import Task, TaskState
from kernelyard.model.templates import TemplateSnapshot, TemplateSpec
from kernelyard.stores.sql.rows import (
    label_rows,
    new_kernel_values,
    new_task_values,
    record_values,
)
from kernelyard.stores.sql.tables import changes, kernels, outputs, task_labels, tasks

TASKS_EACH = 100
"""Tasks of one kernel."""
OUTPUTS_EACH = 10
"""Outputs of one task, its start and its end among them."""
_CHANGES_EACH = 3
_OWNERS = 10
_AT_ONCE = 5000
_BODY = b'{"name":"stdout","text":"a line as it is printed, of usual length\\n"}'
Row = dict[str, Any]


@dataclass(frozen=True)
class Filled:
    """What a store was filled with."""

    kernels: int
    events: int
    running_task: str
    """A task that runs and says nothing."""


def fill(path: Path, count: int) -> Filled:
    """Put ``count`` kernels with their tasks, outputs and events into the empty database ``path``."""
    engine = create_engine(f"sqlite:///{path}")
    made = list(_tasks(count))
    with engine.begin() as connection:
        _put(connection, kernels, (_kernel_row(no) for no in range(1, count + 1)))
        _put(connection, tasks, ({"no": task.no, **new_task_values(task)} for task in made))
        labels = (row for task in made for row in label_rows(task.no, task.labels))
        _put(connection, task_labels, labels)
        _put(connection, outputs, (row for task in made for row in _output_rows(task)))
        _put(connection, changes, (row for task in made for row in _change_rows(task)))
    engine.dispose()
    return Filled(count, len(made) * _CHANGES_EACH, made[-1].id)


def a_kernel(no: int, *, tasks_of_it: int = 0) -> Kernel:
    """A kernel that is ready."""
    return Kernel(
        no=no,
        id=str(uuid.UUID(int=no)),
        owner=f"owner {no % _OWNERS}",
        image=ImageSnapshot(
            name="python3", reference="kernelspec:python3", display_name="", language="python"
        ),
        template=TemplateSnapshot(name="default", spec=TemplateSpec()),
        wanted=Wanted.RUN,
        phase=Phase.READY,
        ran_attempt=1,
        stored_number=tasks_of_it * OUTPUTS_EACH,
        created_at=no,
    )


def _kernel_row(no: int) -> Row:
    return {"no": no, **new_kernel_values(a_kernel(no, tasks_of_it=TASKS_EACH))}


def _tasks(count: int) -> Iterator[Task]:
    """Every tenth has failed; the last of all still runs."""
    for number in range(count * TASKS_EACH):
        kernel = a_kernel(1 + number // TASKS_EACH)
        seq = 1 + number % TASKS_EACH
        state = TaskState.FAILED if seq % 10 == 0 else TaskState.SUCCEEDED
        running = number == count * TASKS_EACH - 1
        last = seq * OUTPUTS_EACH
        yield Task(
            no=number + 1,
            id=str(uuid.UUID(int=number)),
            kernel_no=kernel.no,
            kernel_id=kernel.id,
            owner=kernel.owner,
            seq=seq,
            code="print('a line as it is printed, of usual length')",
            labels={"part": str(seq % 10)},
            state=TaskState.RUNNING if running else state,
            created_at=number,
            first_number=last if running else last - OUTPUTS_EACH + 1,
            last_number=None if running else last,
        )


def _output_rows(task: Task) -> Iterator[Row]:
    kinds = [RecordKind.STARTED, *[RecordKind.STREAM] * (OUTPUTS_EACH - 2), RecordKind.ENDED]
    names = [column.name for column in outputs.columns]
    for number, kind in enumerate(kinds, (task.seq - 1) * OUTPUTS_EACH + 1):
        record = Record(number, number, task.seq, kind, _BODY)
        yield dict(zip(names, record_values(task.kernel_no, record), strict=True))


def _change_rows(task: Task) -> Iterator[Row]:
    for state in (TaskState.QUEUED, TaskState.RUNNING, TaskState.SUCCEEDED):
        yield {
            "at": task.created_at,
            "kernel_no": task.kernel_no,
            "owner": task.owner,
            "task_no": task.no,
            "state": state.value,
        }


def _put(connection: Connection, table: Table, rows: Iterable[Row]) -> None:
    left = iter(rows)
    while some := list(islice(left, _AT_ONCE)):
        connection.execute(insert(table), some)
