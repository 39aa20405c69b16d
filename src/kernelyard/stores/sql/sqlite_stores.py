"""Tasks and outputs in SQLite: everyday cases straight on the driver, all others as in any database."""

from __future__ import annotations

from collections.abc import Sequence

from kernelyard.model.errors import TaskNotFound
from kernelyard.model.projection import Projection
from kernelyard.model.records import Record
from kernelyard.model.tasks import Task
from kernelyard.ports.stores import Idempotency, Stored
from kernelyard.stores.sql.outputs import SqlOutputs
from kernelyard.stores.sql.sqlite import SqliteDatabase
from kernelyard.stores.sql.straight import (
    NotStraight,
    append_records,
    insert_task,
    read_records,
    read_task,
)
from kernelyard.stores.sql.tasks import SqlTasks


class SqliteTasks(SqlTasks):
    """``TaskStore`` in SQLite."""

    def __init__(self, database: SqliteDatabase) -> None:
        super().__init__(database)
        self._sqlite = database

    async def insert(self, task: Task, idempotency: Idempotency | None) -> tuple[Task, bool]:
        try:
            return await self._sqlite.write_straight(lambda c: insert_task(c, task, idempotency))
        except NotStraight:
            return await super().insert(task, idempotency)

    async def get(self, task_id: str, owner: str | None) -> Task:
        try:
            task = await self._sqlite.read_straight(lambda c: read_task(c, task_id))
        except NotStraight:
            return await super().get(task_id, owner)
        if owner not in (None, task.owner):
            raise TaskNotFound
        return task


class SqliteOutputs(SqlOutputs):
    """``OutputStore`` in SQLite."""

    def __init__(self, database: SqliteDatabase) -> None:
        super().__init__(database)
        self._sqlite = database

    async def append(
        self, kernel_no: int, records: Sequence[Record], projection: Projection
    ) -> Stored | None:
        try:
            return await self._sqlite.write_straight(
                lambda c: append_records(c, kernel_no, records, projection)
            )
        except NotStraight:
            return await super().append(kernel_no, records, projection)

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
        return await self._sqlite.read_straight(
            lambda c: read_records(c, kernel_no, (after, through), seq, limit, most_bytes)
        )
