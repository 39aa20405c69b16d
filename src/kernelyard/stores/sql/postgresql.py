"""PostgreSQL: transactions on a pool of connections, repeated where a race has to be run again.

Everything that is true of PostgreSQL alone stands here. Writers of one kernel wait for each other at
its row, which each of them locks first; so READ COMMITTED is enough, and no transaction fails for
having been slower. What no lock orders ends in a unique index: there the slower one is repeated and
then sees what the faster one has made.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from kernelyard.model.errors import Invalid, StorageFull, Unavailable, YardError
from kernelyard.ports.bell import Bell
from kernelyard.stores.sql.migrate import migrate
from kernelyard.stores.sql.postgresql_bell import PostgresqlBell
from kernelyard.stores.sql.postgresql_url import checked_url, no_address, place_of
from kernelyard.stores.sql.store import SqlStore

T = TypeVar("T")
CONNECTIONS = 10
"""Connections that are kept; as many again are made when they are all at work."""
ATTEMPTS = 2
_CONNECT_SECONDS = 10
_STATEMENT_SECONDS = 60
_POOL_SECONDS = 30
FROZEN_SECONDS = 10
"""After which a server that stands still within a transaction loses its locks; less than a lease."""
_MIGRATING = 0x6B65726E656C7964
"""The advisory lock of whoever migrates: ``kernelyd`` as a number."""

_FULL = "53100"
_DATA = "22"
_RACES = frozenset({"23505", "40001", "40P01"})
_STALE_STATEMENT = "InvalidCachedStatementError"
_PASSING = (
    "08",  # connections
    "25006",  # a standby that only reads
    "28",  # who may connect
    "3D000",  # no such database
    "53",  # memory, connections
    "55P03",  # a lock that was not to be had
    "57",  # shutting down, starting up, cancelled by an operator
)


class PostgresqlDatabase:
    """A database. Work that is cancelled while it runs is finished and its result dropped."""

    def __init__(self, url: str, *, frozen_seconds: int = FROZEN_SECONDS) -> None:
        session = f"SET idle_in_transaction_session_timeout = '{frozen_seconds}s'"
        self._writing = _engine(url, session=session)
        self._reading = self._writing.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._under_way: set[asyncio.Task[Any]] = set()

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Run work on a snapshot of the database."""
        return await self._run(self._reading, work)

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Run work and commit; work that lost a race is run once more."""
        return await self._run(self._writing, work)

    async def give_back_space(self) -> None:
        """The server's autovacuum does that by itself."""

    async def aclose(self) -> None:
        """Close every connection, after the work that is under way."""
        while self._under_way:
            await asyncio.wait(self._under_way)
        await self._writing.dispose()

    async def _run(self, engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
        # A cancelled statement costs its connection, and a cancelled commit leaves in doubt what it
        # did; so whoever waits may leave, and the transaction goes on.
        running = asyncio.create_task(_repeated(engine, work))
        self._under_way.add(running)
        running.add_done_callback(self._under_way.discard)
        return await asyncio.shield(running)


class PostgresqlStore(SqlStore):
    """``Store`` in a database that several servers may have open at once."""

    shared = True

    def __init__(self, url: str) -> None:
        super().__init__(PostgresqlDatabase(url))
        self._url = url
        self._bells: list[PostgresqlBell] = []

    def bell(self, local: Bell) -> PostgresqlBell:
        """Return a bell that is heard by all who have the database open."""
        bell = PostgresqlBell(local, lambda: _connect_bell(self._url))
        self._bells.append(bell)
        return bell

    async def aclose(self) -> None:
        """Close every connection."""
        for bell in self._bells:
            await bell.aclose()
        await super().aclose()


async def open_postgresql(url: str) -> PostgresqlStore:
    """Open the store in the database at ``url``, making its tables and bringing them up to date.

    Raises Invalid if that is no address of a database, DatabaseTooNew if a newer program has been
    there, Unavailable if the server does not answer or does not let us in.
    """
    checked = checked_url(url)
    # In a thread: loading and running Alembic would hold the event loop up, and its lock within this
    # process must not be waited for on a loop on which another migration is under way.
    await asyncio.to_thread(lambda: asyncio.run(_migrate(checked)))
    return PostgresqlStore(checked)


async def _migrate(url: str) -> None:
    engine = _engine(url, poolclass=NullPool, seconds=None)
    try:
        async with _translated(), engine.begin() as connection:
            await connection.execute(
                text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATING}
            )
            encoding = (await connection.execute(text("SHOW server_encoding"))).scalar_one()
            if encoding != "UTF8":
                raise Invalid(
                    f"The database {place_of(url)} has the encoding {encoding}, which does not hold "
                    "every text. Create one with ENCODING 'UTF8' TEMPLATE template0.",
                    field="store_url",
                )
            await connection.run_sync(migrate)
    except Unavailable as error:
        raise Unavailable(
            f"The database {place_of(url)} cannot be used: {error.detail}. "
            "Check that the server runs, and check the store's URL.",
            detail=error.detail,
        ) from error
    except DBAPIError as error:
        raise YardError(
            f"The tables in the database {place_of(url)} cannot be made or changed: {error.orig}. "
            "The role needs the right to create tables there.",
            detail=str(error.orig),
        ) from error
    finally:
        await engine.dispose()


async def _connect(
    url: str, *, seconds: float | None, session: str = "", name: str = "kernelyard"
) -> Any:
    try:
        connection = await asyncpg.connect(
            url,
            timeout=_CONNECT_SECONDS,
            command_timeout=seconds,
            server_settings={"application_name": name},
        )
    except (ValueError, TypeError):
        # What the driver says about an address may repeat it.
        raise no_address() from None
    if session:
        # A statement and no parameter of the connection: PgBouncer would refuse that.
        await connection.execute(session)
    return connection


def _connect_bell(url: str) -> Awaitable[Any]:
    # A notification is no data: nobody is to wait until it is on a disk.
    session = "SET synchronous_commit = off"
    return _connect(url, seconds=_CONNECT_SECONDS, session=session, name="kernelyard bell")


def _engine(
    url: str,
    *,
    seconds: float | None = _STATEMENT_SECONDS,
    session: str = "",
    poolclass: type[NullPool] | None = None,
) -> AsyncEngine:
    async def connect() -> Any:
        return await _connect(url, seconds=seconds, session=session)

    pool: dict[str, Any] = {"poolclass": poolclass}
    if poolclass is None:
        pool = {
            "pool_size": CONNECTIONS,
            "max_overflow": CONNECTIONS,
            "pool_timeout": _POOL_SECONDS,
            "pool_use_lifo": True,
        }
    # The driver reads the URL, not SQLAlchemy: what libpq knows, such as sslmode, has its meaning.
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        hide_parameters=True,
        isolation_level="READ COMMITTED",
        **pool,
    )


async def _repeated(engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
    async with _translated():
        for _ in range(ATTEMPTS - 1):
            try:
                return await _transaction(engine, work)
            except DBAPIError as error:
                if not _may_be_repeated(error):
                    raise
        return await _transaction(engine, work)


async def _transaction(engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
    async with engine.connect() as connection:
        result = await connection.run_sync(work)
        try:
            await connection.commit()
        except (DBAPIError, OSError, TimeoutError) as error:
            if isinstance(error, DBAPIError) and not _is_lost(error):
                raise
            raise Unavailable(
                "The database was lost while it was told to keep this: it may have been done or "
                "not. Look, or ask again with the same idempotency key.",
                detail=_told(error),
            ) from error
    return result


def _may_be_repeated(error: DBAPIError) -> bool:
    """Whether nothing was kept and the same may come out otherwise a second time.

    A connection that was lost on the way is among it: it may have died in the pool long ago.
    """
    stale = type(error.orig).__name__ == _STALE_STATEMENT
    return stale or _is_lost(error) or _code(error) in _RACES


def _is_lost(error: DBAPIError) -> bool:
    return error.connection_invalidated or _code(error).startswith(("08", "57P"))


def _code(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def _told(error: BaseException) -> str:
    """What the server or the system said, in one line; an address's password is never in it."""
    if isinstance(error, DBAPIError):
        cause = error.orig.__cause__ if error.orig is not None else None
        said = str(cause or error.orig)
    else:
        said = str(error)
    return " ".join(said.split()).rstrip(".") or type(error).__name__


@contextlib.asynccontextmanager
async def _translated() -> AsyncIterator[None]:
    try:
        yield
    except (OSError, TimeoutError, PoolTimeout) as error:
        raise Unavailable(
            "The database does not answer. Try again shortly.", detail=_told(error)
        ) from error
    except DBAPIError as error:
        code, told = _code(error), _told(error)
        if code == _FULL:
            raise StorageFull(
                "The database has no space left. Free some space on its server; running kernels go "
                "on meanwhile.",
                detail=told,
            ) from error
        if code.startswith(_DATA):
            # What the driver says repeats the value.
            raise Invalid(
                "The database cannot keep this value: it has a NUL character or half a surrogate "
                "pair, or it is a number out of range. Correct it and send it again.",
                detail=f"SQLSTATE {code}",
            ) from error
        if error.connection_invalidated or code.startswith(_PASSING):
            raise Unavailable(
                "The database does not answer. Try again shortly.", detail=told
            ) from error
        raise
