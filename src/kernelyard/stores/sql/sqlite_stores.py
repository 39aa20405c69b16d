"""Kernels, pools, tasks, outputs and the audit trail in SQLite: everyday cases straight on the driver, all others as in any database."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from kernelyard.model.audit import AuditEntry
from kernelyard.model.errors import KernelNotFound, TaskNotFound
from kernelyard.model.kernels import Kernel
from kernelyard.model.pools import Claim
from kernelyard.model.projection import Projection
from kernelyard.model.quotas import Rules
from kernelyard.model.records import Record
from kernelyard.model.tasks import Task
from kernelyard.ports.stores import Idempotency, Stored
from kernelyard.stores.sql.audit import SqlAudit, audit_values
from kernelyard.stores.sql.kernels import SqlKernels
from kernelyard.stores.sql.outputs import SqlOutputs
from kernelyard.stores.sql.people_tables import audit
from kernelyard.stores.sql.pools import SqlPools
from kernelyard.stores.sql.sqlite import SqliteDatabase
from kernelyard.stores.sql.straight import (
    NotStraight,
    append_records,
    insert_task,
    read_records,
    read_task,
)
from kernelyard.stores.sql.straight_kernels import (
    insert_kernel,
    is_in_the_way,
    read_kernel,
    read_kernel_by_id,
)
from kernelyard.stores.sql.straight_pools import NoneReady, claim_kernel
from kernelyard.stores.sql.tasks import SqlTasks

_AUDITED = tuple(column.name for column in audit.columns if column.name != "no")
_QUOTED = [f'"{name}"' for name in _AUDITED]
_AUDIT = (
    f"INSERT INTO audit ({', '.join(_QUOTED)}) "  # noqa: S608 - names of columns
    f"VALUES ({', '.join('?' * len(_AUDITED))})"
)


class SqliteKernels(SqlKernels):
    """``KernelStore`` in SQLite."""

    def __init__(self, database: SqliteDatabase) -> None:
        super().__init__(database)
        self._sqlite = database

    async def insert(self, kernel: Kernel, idempotency: Idempotency | None) -> tuple[Kernel, bool]:
        try:
            made = await self._sqlite.write_straight(lambda c: _insert(c, kernel, idempotency))
        except NotStraight:
            return await super().insert(kernel, idempotency)
        return made, True

    async def get(self, kernel_id: str, owner: str | None, *, leaving: bool = False) -> Kernel:
        if leaving:
            return await super().get(kernel_id, owner, leaving=True)
        kernel = await self._sqlite.read_straight(lambda c: read_kernel_by_id(c, kernel_id))
        if kernel is None or owner not in (None, kernel.owner):
            raise KernelNotFound
        return kernel

    async def by_no(self, no: int) -> Kernel | None:
        return await self._sqlite.read_straight(lambda c: read_kernel(c, no))


class SqlitePools(SqlPools):
    """``PoolStore`` in SQLite."""

    def __init__(self, database: SqliteDatabase) -> None:
        super().__init__(database)
        self._sqlite = database

    async def claim(
        self,
        kernel: Kernel,
        claim: Claim,
        idempotency: Idempotency | None,
        rules: Rules | None = None,
    ) -> tuple[Kernel, bool] | None:
        if rules is not None:
            return await super().claim(kernel, claim, idempotency, rules)
        try:
            claimed = await self._sqlite.write_straight(
                lambda c: claim_kernel(c, kernel, claim, idempotency)
            )
        except NoneReady:
            return await super().claim(kernel, claim, idempotency)
        return claimed, True


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
        if not projection.closed:
            try:
                return await self._sqlite.write_straight(
                    lambda c: append_records(c, kernel_no, records, projection)
                )
            except NotStraight:
                pass
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


class SqliteAudit(SqlAudit):
    """``AuditStore`` in SQLite. Of every task there is an entry: they share transactions with tasks."""

    def __init__(self, database: SqliteDatabase) -> None:
        super().__init__(database)
        self._sqlite = database

    async def write(self, entries: Sequence[AuditEntry]) -> None:
        rows = [tuple(map(audit_values(entry).__getitem__, _AUDITED)) for entry in entries]
        if rows:
            await self._sqlite.write_straight(lambda c: _audited(c, rows))


def _audited(driver: sqlite3.Connection, rows: list[tuple[object, ...]]) -> None:
    driver.executemany(_AUDIT, rows)


def _insert(driver: sqlite3.Connection, kernel: Kernel, idempotency: Idempotency | None) -> Kernel:
    if is_in_the_way(driver, kernel, idempotency):
        raise NotStraight
    return insert_kernel(driver, kernel, idempotency)
