"""Bringing a database to the schema that this program knows."""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from kernelyard.model.errors import YardError

NEWEST = "0005"
"""The last migration. Numbers grow by one."""
_FOLDER = Path(__file__).parent / "migrations"
# Alembic keeps what it works on in module-level variables; stores may be opened in several threads.
_one_at_a_time = threading.Lock()


class DatabaseTooNew(YardError):
    """The database was made by a newer version of kernelyard. Install that version or a later one."""

    code = "database_too_new"


def migrate(connection: Connection) -> None:
    """Run the migrations that the database lacks, all in the present transaction.

    Raises DatabaseTooNew if it has some that this program does not know.
    """
    present = version_of(connection)
    if present == NEWEST:
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


def version_of(connection: Connection) -> str | None:
    """The last migration that the database had; None if it is empty."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    version: str | None = connection.execute(
        text("SELECT version_num FROM alembic_version")
    ).scalar_one_or_none()
    return version
