"""The SQL store, and how it is opened."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import text

from kernelyard.ports.bell import Bell
from kernelyard.stores.sql.audit import SqlAudit
from kernelyard.stores.sql.choices import SqlChoices
from kernelyard.stores.sql.database import Database
from kernelyard.stores.sql.events import SqlEvents
from kernelyard.stores.sql.images import SqlImages
from kernelyard.stores.sql.kernels import SqlKernels
from kernelyard.stores.sql.leases import SqlLeases
from kernelyard.stores.sql.migrate import migrate
from kernelyard.stores.sql.notebooks import SqlNotebookSpecs
from kernelyard.stores.sql.outputs import SqlOutputs
from kernelyard.stores.sql.pools import SqlPools
from kernelyard.stores.sql.quotas import SqlQuotas
from kernelyard.stores.sql.sqlite import SqliteDatabase
from kernelyard.stores.sql.sqlite_named import SqliteImages, SqliteTemplates, SqliteUsers
from kernelyard.stores.sql.sqlite_stores import (
    SqliteAudit,
    SqliteKernels,
    SqliteOutputs,
    SqlitePools,
    SqliteTasks,
)
from kernelyard.stores.sql.tasks import SqlTasks
from kernelyard.stores.sql.templates import SqlTemplates
from kernelyard.stores.sql.tokens import SqlTokens
from kernelyard.stores.sql.users import SqlUsers


class SqlStore:
    """``Store`` over a database that has been migrated."""

    shared = False

    def __init__(self, database: Database) -> None:
        self._database = database
        self.kernels: SqlKernels = SqlKernels(database)
        self.tasks: SqlTasks = SqlTasks(database)
        self.outputs: SqlOutputs = SqlOutputs(database)
        self.events = SqlEvents(database)
        self.templates: SqlTemplates = SqlTemplates(database)
        self.images: SqlImages = SqlImages(database)
        self.notebook_specs = SqlNotebookSpecs(database)
        self.choices = SqlChoices(database)
        self.users: SqlUsers = SqlUsers(database)
        self.tokens = SqlTokens(database)
        self.audit: SqlAudit = SqlAudit(database)
        self.pools: SqlPools = SqlPools(database)
        self.quotas = SqlQuotas(database)
        self.leases = SqlLeases(database)

    def bell(self, local: Bell) -> Bell:
        """Nobody but this server has the database."""
        return local

    async def ping(self) -> None:
        """Ask the database for an answer."""
        await self._database.read(lambda c: c.execute(text("SELECT 1")).scalar_one())

    async def aclose(self) -> None:
        """Close every connection."""
        await self._database.aclose()


class SqliteStore(SqlStore):
    """``Store`` in a SQLite file."""

    def __init__(self, database: SqliteDatabase) -> None:
        super().__init__(database)
        self.kernels = SqliteKernels(database)
        self.pools = SqlitePools(database)
        self.tasks = SqliteTasks(database)
        self.outputs = SqliteOutputs(database)
        self.templates = templates = SqliteTemplates(database)
        self.users = SqliteUsers(database, templates)
        self.images = SqliteImages(database)
        self.audit = SqliteAudit(database)


async def open_sqlite(path: Path) -> SqliteStore:
    """Open the store in the SQLite file ``path``, making it and bringing it up to date as needed.

    Raises DatabaseTooNew if a newer program has been here.
    """
    database = await asyncio.to_thread(SqliteDatabase, path)
    try:
        await database.write(migrate)
    except BaseException:
        await database.aclose()
        raise
    return SqliteStore(database)
