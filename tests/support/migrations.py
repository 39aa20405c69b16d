"""Migrations, one after the other."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

import kernelyard.stores.sql
from kernelyard.stores.sql.migrate import version_of


def a_config(connection: Connection) -> Config:
    """Alembic's own, for a connection."""
    config = Config()
    folder = Path(kernelyard.stores.sql.__path__[0]) / "migrations"
    config.set_main_option("script_location", str(folder))
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection) -> None:
    """Take every migration."""
    command.upgrade(a_config(connection), "head")


def downgrade(connection: Connection, version: str) -> None:
    """Take migrations back."""
    connection.execute(text("PRAGMA foreign_keys = OFF"))
    command.downgrade(a_config(connection), version)
    assert version_of(connection) == version
