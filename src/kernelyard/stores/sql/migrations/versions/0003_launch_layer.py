"""Launch parameters, kernels that somebody else has started, events of images, choices of images."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")

NUMBERS_OF_A_KERNEL = 2**40
"""So far apart are the keys of two kernels' outputs."""


def upgrade() -> None:
    """Add the columns; every kernel so far is ours."""
    op.add_column("kernels", sa.Column("parameters", sa.Text()))
    op.add_column("kernels", sa.Column("path", sa.Text()))
    op.add_column(
        "kernels", sa.Column("owned", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    op.add_column("kernels", sa.Column("identity", sa.String()))
    op.add_column(
        "kernels", sa.Column("shut_down", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_index(
        "uq_kernels_live_identity",
        "kernels",
        ["owner", "identity"],
        unique=True,
        sqlite_where=sa.text("live = 1 AND identity IS NOT NULL"),
        postgresql_where=sa.text("live AND identity IS NOT NULL"),
    )
    if op.get_bind().dialect.name == "sqlite":
        _rebuild_changes(of_images=True)
    else:
        op.alter_column("changes", "kernel_no", nullable=True)
        op.add_column("changes", sa.Column("image", sa.Text()))
    _create_tables()


def downgrade() -> None:
    """Take all of it back. What it told is lost."""
    _remove_foreign()
    op.drop_table("choices")
    op.drop_table("sightings")
    op.execute("DELETE FROM changes WHERE kernel_no IS NULL")
    if op.get_bind().dialect.name == "sqlite":
        _rebuild_changes(of_images=False)
    else:
        op.drop_column("changes", "image")
        op.alter_column("changes", "kernel_no", nullable=False)
    op.drop_index("uq_kernels_live_identity", "kernels")
    for column in ("shut_down", "identity", "owned", "path", "parameters"):
        op.drop_column("kernels", column)


def _remove_foreign() -> None:
    """Remove kernels that are attached: older programs would take them for their own, and end them.

    Not by foreign keys, which SQLite may not look after meanwhile.
    """
    attached = "NOT owned AND (live OR unfinished)"
    theirs = f"(SELECT no FROM kernels WHERE {attached})"  # noqa: S608
    tasks = f"(SELECT no FROM tasks WHERE kernel_no IN {theirs})"  # noqa: S608
    op.execute(f"DELETE FROM task_labels WHERE no IN {tasks}")  # noqa: S608
    op.execute(f"DELETE FROM outputs WHERE id / {NUMBERS_OF_A_KERNEL} IN {theirs}")  # noqa: S608
    for table, column in (
        ("changes", "kernel_no"),
        ("tasks", "kernel_no"),
        ("kernel_labels", "no"),
        ("leases", "kernel_no"),
    ):
        op.execute(f"DELETE FROM {table} WHERE {column} IN {theirs}")  # noqa: S608
    op.execute(f"DELETE FROM kernels WHERE {attached}")  # noqa: S608


def _create_tables() -> None:
    op.create_table(
        "sightings",
        sa.Column("no", NUMBER, nullable=False, autoincrement=False),
        sa.Column("began", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("images", sa.Text()),
        sa.PrimaryKeyConstraint("no", name="pk_sightings"),
    )
    # Its one row is always there, so that writers can lock it.
    op.execute("INSERT INTO sightings (no, began, version) VALUES (1, 0, 0)")
    op.create_table(
        "choices",
        sa.Column("owner", NAME, nullable=False),
        sa.Column("path_sha256", sa.String(), nullable=False),
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "path_sha256", name="pk_choices"),
    )
    op.create_index("ix_choices_owner_at", "choices", ["owner", "at"])


def _rebuild_changes(*, of_images: bool) -> None:
    """SQLite makes a column nullable only in a new table. The row of numbers goes on where it was."""
    more: list[sa.Column[Any]] = [sa.Column("image", sa.Text())] if of_images else []
    op.create_table(
        "changes_new",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kernel_no", NUMBER, nullable=of_images),
        sa.Column("owner", NAME, nullable=False),
        sa.Column("task_no", NUMBER),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("cause", sa.String()),
        *more,
        sa.PrimaryKeyConstraint("number", name="pk_changes"),
        sa.ForeignKeyConstraint(
            ["kernel_no"], ["kernels.no"], name="fk_changes_kernel_no", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.execute(
        "INSERT INTO changes_new (number, at, kernel_no, owner, task_no, state, reason, cause) "
        "SELECT number, at, kernel_no, owner, task_no, state, reason, cause FROM changes "
        "ORDER BY number"
    )
    # The largest number ever given may be that of a kernel long removed.
    op.execute(
        "DELETE FROM sqlite_sequence WHERE name = 'changes_new' AND EXISTS "
        "(SELECT 1 FROM sqlite_sequence WHERE name = 'changes')"
    )
    op.execute(
        "INSERT INTO sqlite_sequence (name, seq) "
        "SELECT 'changes_new', seq FROM sqlite_sequence WHERE name = 'changes'"
    )
    op.drop_table("changes")
    op.rename_table("changes_new", "changes")
    op.create_index("ix_changes_kernel_no_number", "changes", ["kernel_no", "number"])
    op.create_index("ix_changes_owner_number", "changes", ["owner", "number"])
    op.create_index(
        "ix_changes_of_kernels",
        "changes",
        ["kernel_no", "number"],
        sqlite_where=sa.text("task_no IS NULL"),
    )
