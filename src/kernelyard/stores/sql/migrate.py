"""Bringing a database to the schema that this program knows."""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import Connection, Index, inspect, text
from sqlalchemy.schema import CreateIndex, CreateTable

from kernelyard.model.errors import YardError
from kernelyard.stores.sql import quota_tables  # noqa: F401 - its table is to be made, too
from kernelyard.stores.sql.people_tables import FIRST_PEOPLE
from kernelyard.stores.sql.tables import FIRST_ROWS, metadata

NEWEST = "0011"
"""The last migration. Numbers grow; not every number was used."""
_FOLDER = Path(__file__).parent / "migrations"
# Alembic keeps what it works on in module-level variables; stores may be opened in several threads.
_one_at_a_time = threading.Lock()


class DatabaseTooNew(YardError):
    """The database was made by a newer version of kernelyard. Install that version or a later one."""

    code = "database_too_new"


def migrate(connection: Connection) -> None:
    """Run the migrations that the database lacks, all in the present transaction.

    An empty SQLite file gets the newest schema at once, which is what all migrations make of it.
    Raises DatabaseTooNew if it has some that this program does not know.
    """
    present = version_of(connection)
    if present == NEWEST:
        return
    if present is None and _is_empty_file(connection):
        _make(connection)
        return
    if present is not None and not (present.isdigit() and present < NEWEST):
        raise DatabaseTooNew(
            f"The database has schema {present}, and this version of kernelyard knows schemas up to "
            f"{NEWEST}. Install the version that made it, or a later one; nothing was changed."
        )
    # Loading Alembic takes longer than opening a database that needs nothing.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    with _one_at_a_time:
        command.upgrade(config, "head")


def _is_empty_file(connection: Connection) -> bool:
    if connection.dialect.name != "sqlite":
        return False
    found = connection.execute(text("SELECT count(*) FROM sqlite_master")).scalar_one()
    return bool(found == 0)


def _is_narrow(index: Index) -> bool:
    return index.dialect_options["sqlite"]["where"] is not None


def _make(connection: Connection) -> None:
    for table in metadata.sorted_tables:
        connection.execute(CreateTable(table))
    # Of two indexes that would do, SQLite takes the newer one: the narrow ones are to come last.
    indexes = (index for table in metadata.sorted_tables for index in table.indexes)
    for index in sorted(indexes, key=lambda one: (_is_narrow(one), str(one.name))):
        connection.execute(CreateIndex(index))
    for row in (*FIRST_ROWS, *FIRST_PEOPLE):
        connection.execute(row)
    # As Alembic makes it.
    connection.execute(
        text(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
            "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
        )
    )
    connection.execute(text("INSERT INTO alembic_version (version_num) VALUES (:v)"), {"v": NEWEST})


def version_of(connection: Connection) -> str | None:
    """The last migration that the database had; None if it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).scalar_one_or_none()
    return version
