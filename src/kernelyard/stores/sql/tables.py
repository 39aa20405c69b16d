"""The tables, as the newest program knows them. Databases come here by the migrations."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    TextClause,
    UniqueConstraint,
    false,
    insert,
    text,
    true,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite makes a column its row id only if it is called INTEGER."""
NAME = String().with_variant(String(collation="C"), "postgresql")
"""Text that sorts by code points on every database, as Python does."""

_partial_indexes: list[tuple[Index, TextClause]] = []


def _partial(
    name: str,
    *columns: Column[Any],
    where: TextClause,
    on_postgresql: TextClause | None = None,
    unique: bool = False,
) -> None:
    """An index of those rows alone for which a condition holds."""
    index = Index(name, *columns, unique=unique, sqlite_where=where)
    _partial_indexes.append((index, where if on_postgresql is None else on_postgresql))


def tell_of_postgresql() -> None:
    """Say the conditions of indexes for PostgreSQL, too, for whoever compares or makes tables there.

    Not when this module is loaded: to name a dialect loads it, and SQLite should not wait for that.
    """
    for index, condition in _partial_indexes:
        index.dialect_options["postgresql"]["where"] = condition


kernels = Table(
    "kernels",
    metadata,
    Column("no", NUMBER, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("owner", NAME, nullable=False),
    Column("name", NAME),
    Column("display_name", Text, nullable=False),
    Column("image", Text, nullable=False),
    Column("template", Text, nullable=False),
    Column("environment", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("wanted", String, nullable=False),
    Column("phase", String, nullable=False),
    Column("reason", Text),
    Column("attempt", Integer, nullable=False),
    Column("ran_attempt", Integer, nullable=False),
    Column("current_seq", Integer),
    Column("current_task_id", String),
    Column("open_tasks", Integer, nullable=False),
    Column("stored_number", BigInteger, nullable=False),
    Column("journal_closed", Boolean, nullable=False),
    Column("info", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("ready_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("last_activity_at", BigInteger),
    Column("live", Boolean, nullable=False),
    Column("unfinished", Boolean, nullable=False),
    Column("idempotency_key", String),
    Column("idempotency_digest", String),
    Column("cause", String),
    Column("exit_code", Integer),
    Column("signal", String),
    Column("stored_bytes", BigInteger, nullable=False, server_default="0"),
    Column("outputs_removed_at", BigInteger),
    Column("launched_at", BigInteger),
    Column("parameters", Text),
    Column("path", Text),
    Column("owned", Boolean, nullable=False, server_default=true()),
    Column("identity", String),
    Column("shut_down", Boolean, nullable=False, server_default=false()),
    Column("pool_no", BigInteger),
    Column("pool_digest", String),
    Column("started", String),
    Column("external_id", String),
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("admitted", Boolean, nullable=False, server_default=true()),
    Column("milli_cpu", BigInteger, nullable=False, server_default="0"),
    Column("memory_bytes", BigInteger, nullable=False, server_default="0"),
    Column("gpu", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("owner", "idempotency_key"),
    Index(None, "owner", "phase", "no"),
    Index(None, "phase", "no"),
    Index(None, "name", "no"),
    sqlite_autoincrement=True,
)
GONE = "kernels.wanted = 'gone'"
"""What hides a kernel with its tasks until it has been removed."""
# Conditions in the words that each database's queries will have: only then the index is used.
_partial(
    "uq_kernels_live_name",
    kernels.c.owner,
    kernels.c.name,
    unique=True,
    where=text("live = 1"),
    on_postgresql=text("live"),
)
_partial(
    "uq_kernels_live_identity",
    kernels.c.owner,
    kernels.c.identity,
    unique=True,
    where=text("live = 1 AND identity IS NOT NULL"),
    on_postgresql=text("live AND identity IS NOT NULL"),
)
EXTERNAL = text("external_id IS NOT NULL AND wanted <> 'gone'")
"""Kernels that were given an id at a door with ids of its own, until they are deleted."""
_partial(
    "uq_kernels_external_id",
    kernels.c.external_id,
    kernels.c.owner,
    unique=True,
    where=EXTERNAL,
)
_partial(
    "ix_kernels_unfinished",
    kernels.c.no,
    where=text("unfinished = 1"),
    on_postgresql=text("unfinished"),
)
_partial(
    "ix_kernels_gone",
    kernels.c.no,
    where=text("wanted = 'gone'"),
)
KEPT = text("ended_at IS NOT NULL AND outputs_removed_at IS NULL")
"""Kernels that have ended and whose outputs are still there."""
_partial(
    "ix_kernels_kept",
    kernels.c.ended_at,
    kernels.c.stored_bytes,
    where=KEPT,
)

WAITING = text("pool_no IS NOT NULL")
"""Kernels that wait in a pool."""
_partial(
    "ix_kernels_waiting",
    kernels.c.pool_no,
    kernels.c.no,
    where=WAITING,
)

_partial(
    "ix_kernels_not_admitted",
    kernels.c.no,
    where=text("unfinished = 1 AND admitted = 0"),
    on_postgresql=text("unfinished AND NOT admitted"),
)

pools = Table(
    "pools",
    metadata,
    Column("no", NUMBER, primary_key=True),
    Column("owner", NAME, nullable=False),
    Column("image", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("template", NAME, nullable=False),
    Column("size", Integer, nullable=False),
    Column("least", Integer, nullable=False),
    Column("most", Integer, nullable=False),
    Column("target", Integer, nullable=False),
    Column("declared", Boolean, nullable=False),
    Column("claimed", BigInteger, nullable=False),
    Column("missed", BigInteger, nullable=False),
    Column("demanded_at", BigInteger, nullable=False),
    Column("reason", Text),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("owner", "image", "template"),
    sqlite_autoincrement=True,
)

leases = Table(
    "leases",
    metadata,
    Column(
        "kernel_no",
        NUMBER,
        ForeignKey("kernels.no", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Column("holder", String, nullable=False, index=True),
    Column("until", BigInteger, nullable=False),
)
"""Which server looks after a kernel, and until when nobody else may."""

kernel_labels = Table(
    "kernel_labels",
    metadata,
    Column("key", NAME, nullable=False),
    Column("value", NAME, nullable=False),
    Column("no", NUMBER, ForeignKey("kernels.no", ondelete="CASCADE"), nullable=False, index=True),
    PrimaryKeyConstraint("key", "value", "no"),
    sqlite_with_rowid=False,
)

tasks = Table(
    "tasks",
    metadata,
    Column("no", NUMBER, primary_key=True),
    Column("id", String, nullable=False, unique=True),
    Column("kernel_no", NUMBER, ForeignKey("kernels.no", ondelete="CASCADE"), nullable=False),
    Column("kernel_id", String, nullable=False),
    Column("owner", NAME, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("code", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("needs_id", String),
    Column("needs_seq", Integer),
    Column("state", String, nullable=False),
    Column("reason", Text),
    Column("error", Text),
    Column("execution_count", Integer),
    Column("cancel_requested", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("started_at", BigInteger),
    Column("ended_at", BigInteger),
    Column("first_number", BigInteger),
    Column("last_number", BigInteger),
    Column("idempotency_key", String),
    Column("idempotency_digest", String),
    Column("limits", Text),
    Column("cause", String),
    Column("stopped_by", String),
    Column("state_preserved", Boolean),
    Column("cancellation", Text),
    Column("external_id", String),
    UniqueConstraint("kernel_no", "seq"),
    UniqueConstraint("kernel_no", "idempotency_key"),
    Index(None, "kernel_no", "state", "no"),
    Index(None, "owner", "state", "no"),
    Index(None, "state", "no"),
    sqlite_autoincrement=True,
)

_partial(
    "uq_tasks_external_id",
    tasks.c.kernel_no,
    tasks.c.external_id,
    unique=True,
    where=text("external_id IS NOT NULL"),
)

task_labels = Table(
    "task_labels",
    metadata,
    Column("key", NAME, nullable=False),
    Column("value", NAME, nullable=False),
    Column("no", NUMBER, ForeignKey("tasks.no", ondelete="CASCADE"), nullable=False, index=True),
    PrimaryKeyConstraint("key", "value", "no"),
    sqlite_with_rowid=False,
)

outputs = Table(
    "outputs",
    metadata,
    # kernel's number * 2**40 + record's number: one key serves every range that is ever read.
    Column("id", NUMBER, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("kind", SmallInteger, nullable=False),
    # Last, so that SQLite need not walk through a large body to see the other columns.
    Column("body", LargeBinary, nullable=False),
)

changes = Table(
    "changes",
    metadata,
    Column("number", NUMBER, primary_key=True),
    Column("at", BigInteger, nullable=False),
    # Null for changes of images, which are nobody's: their owner is "".
    Column("kernel_no", NUMBER, ForeignKey("kernels.no", ondelete="CASCADE")),
    Column("owner", NAME, nullable=False),
    Column("task_no", NUMBER),
    Column("state", String, nullable=False),
    Column("reason", Text),
    Column("cause", String),
    Column("image", Text),
    Index(None, "kernel_no", "number"),
    Index(None, "owner", "number"),
    sqlite_autoincrement=True,
)
_partial(
    "ix_changes_of_kernels",
    changes.c.kernel_no,
    changes.c.number,
    where=text("task_no IS NULL"),
)

sightings = Table(
    "sightings",
    metadata,
    Column("no", NUMBER, primary_key=True, autoincrement=False),
    Column("began", BigInteger, nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("images", Text),
)
"""One row: the images as they were last seen."""
FIRST_ROWS = (insert(sightings).values(no=1, began=0, version=0),)
"""What a database has before anything is kept in it."""

choices = Table(
    "choices",
    metadata,
    Column("owner", NAME, nullable=False),
    # A path may be longer than an index takes, and need not be known.
    Column("path_sha256", String, nullable=False),
    Column("image", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("owner", "path_sha256"),
    Index(None, "owner", "at"),
)
"""Which image somebody has chosen for a notebook."""

templates = Table(
    "templates",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("owner", String, nullable=False),
    Column("spec", Text, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("labels", Text),
)

images = Table(
    "images",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("reference", String, nullable=False),
    Column("display_name", Text),
    Column("disabled", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("language", String),
    Column("labels", Text),
)

notebook_specs = Table(
    "notebook_specs",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("display_name", Text, nullable=False),
    Column("image", String, nullable=False),
    Column("template", String, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger),
)
