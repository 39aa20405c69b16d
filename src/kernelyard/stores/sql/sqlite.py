"""SQLite: one writer and some readers, each with its own connection and thread.

Everything that is true of SQLite alone stands here. The standard library's driver runs in threads of
ours rather than behind an asynchronous driver: a transaction is then one hop to another thread and
back instead of one for each statement.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool

from kernelyard.model.errors import StorageFull, Unavailable
from kernelyard.stores.sql.turns import Turns

T = TypeVar("T")
READERS = 4
_BUSY_SECONDS = 30
_PAGES_AT_ONCE = 1000
_FULL = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE})
_SETTINGS = (
    # Before there is a table: it cannot be changed afterwards without writing everything anew.
    "PRAGMA auto_vacuum = INCREMENTAL",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    f"PRAGMA busy_timeout = {_BUSY_SECONDS * 1000}",
    "PRAGMA foreign_keys = ON",
    "PRAGMA journal_size_limit = 67108864",
)


class SqliteDatabase:
    """A database file. Work that is cancelled while it runs is finished and its result dropped."""

    def __init__(self, path: Path) -> None:
        # Made here so that nobody else may ever read it; SQLite gives its other files the same mode.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._writing = _engine(path, connections=1, begin="BEGIN IMMEDIATE")
        self._reading = _engine(path, connections=READERS, begin="BEGIN")
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="kernelyard-store-writer")
        self._turns = Turns(self._writer, self._own_driver, _translated)
        self._own: sqlite3.Connection | None = None
        """The writer's own connection for what is done straight: getting one from the pool costs more
        than a transaction does."""
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="kernelyard-store-reader")

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run work on a snapshot of the database."""
        return await self._run(self._readers, self._reading, work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run work as the only writer and commit."""
        return await self._run(self._writer, self._writing, work)

    async def write_straight(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As ``write``, on the driver itself; whatever waits for its turn is committed together."""
        return await self._turns.take(work)

    async def read_straight(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run one query on the driver itself."""

        def query() -> T:
            with _translated(), _driver(self._reading) as driver:
                return work(driver)

        return await asyncio.get_running_loop().run_in_executor(self._readers, query)

    async def give_back_space(self) -> None:
        """Cut free pages off the file, some at a time so that writers get their turns."""
        loop = asyncio.get_running_loop()
        while await loop.run_in_executor(self._writer, self._cut_free_pages):
            pass

    async def aclose(self) -> None:
        """Close every connection, after the work that is under way."""
        await asyncio.to_thread(self._close)

    @contextlib.contextmanager
    def _own_driver(self) -> Iterator[sqlite3.Connection]:
        if self._own is None:
            with _driver(self._writing, detach=True) as driver:
                self._own = driver
        try:
            yield self._own
        except BaseException:
            if self._own.in_transaction:
                self._own.close()
                self._own = None
            raise

    def _close(self) -> None:
        self._readers.shutdown()
        self._writer.shutdown()
        if self._own is not None:
            self._own.close()
        self._reading.dispose()
        self._writing.dispose()

    def _cut_free_pages(self) -> bool:
        with _translated(), contextlib.closing(self._writing.raw_connection()) as pooled:
            cursor = pooled.cursor()
            # Only this method of the driver goes on until the pragma has cut all it was asked to.
            cursor.executescript(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})")
            (free,) = cursor.execute("PRAGMA freelist_count").fetchone()
            cursor.close()
        return bool(free)

    async def _run(
        self, executor: ThreadPoolExecutor, engine: Engine, work: Callable[[Connection], T]
    ) -> T:
        def transaction() -> T:
            with _translated(), engine.begin() as connection:
                return work(connection)

        return await asyncio.get_running_loop().run_in_executor(executor, transaction)


def _engine(path: Path, *, connections: int, begin: str) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        poolclass=QueuePool,
        pool_size=connections,
        max_overflow=0,
        connect_args={"check_same_thread": False, "timeout": _BUSY_SECONDS},
    )

    @event.listens_for(engine, "connect")
    def _(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # The driver must not begin transactions by itself: BEGIN IMMEDIATE is what keeps a writer
        # from finding out at its first write that somebody else was faster.
        connection.isolation_level = None
        for setting in _SETTINGS:
            connection.execute(setting).close()

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        # Straight to the driver: this is run before everything else.
        driver = connection.connection.driver_connection
        if driver is not None:
            driver.execute(begin).close()

    return engine


@contextlib.contextmanager
def _driver(engine: Engine, *, detach: bool = False) -> Iterator[sqlite3.Connection]:
    """A connection of the pool without its wrapping; with ``detach`` it is the caller's to keep."""
    pooled = engine.raw_connection()
    driver = pooled.driver_connection
    assert isinstance(driver, sqlite3.Connection)  # noqa: S101 - the engine's own driver
    if detach:
        pooled.detach()
        yield driver
        return
    try:
        yield driver
    finally:
        pooled.close()


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(cause, "sqlite_errorcode", None)
        if code in _FULL:
            raise StorageFull(detail=str(cause)) from error
        if code is not None and code & 0xFF == sqlite3.SQLITE_BUSY:
            raise Unavailable(
                "The database is kept busy by another program. Try again shortly.",
                detail=str(cause),
            ) from error
        raise
