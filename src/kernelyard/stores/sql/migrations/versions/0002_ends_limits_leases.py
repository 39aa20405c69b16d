"""How things ended, limits of tasks, what was removed, and which server looks after which kernel."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

KEPT = "ended_at IS NOT NULL AND outputs_removed_at IS NULL"
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _of_kernels() -> list[sa.Column[Any]]:
    return [
        sa.Column("cause", sa.String()),
        sa.Column("exit_code", sa.Integer()),
        sa.Column("signal", sa.String()),
        sa.Column("stored_bytes", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("outputs_removed_at", sa.BigInteger()),
        sa.Column("launched_at", sa.BigInteger()),
    ]


def _of_tasks() -> list[sa.Column[Any]]:
    return [
        sa.Column("limits", sa.Text()),
        sa.Column("cause", sa.String()),
        sa.Column("stopped_by", sa.String()),
        sa.Column("state_preserved", sa.Boolean()),
        sa.Column("cancellation", sa.Text()),
    ]


def upgrade() -> None:
    """Add the columns, the table of leases, and the index that sweeping reads along."""
    for column in _of_kernels():
        op.add_column("kernels", column)
    for column in _of_tasks():
        op.add_column("tasks", column)
    op.add_column("changes", sa.Column("cause", sa.String()))
    op.create_index(
        "ix_kernels_kept",
        "kernels",
        ["ended_at", "stored_bytes"],
        sqlite_where=sa.text(KEPT),
        postgresql_where=sa.text(KEPT),
    )
    op.create_table(
        "leases",
        sa.Column("kernel_no", NUMBER, nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kernel_no", name="pk_leases"),
        sa.ForeignKeyConstraint(
            ["kernel_no"], ["kernels.no"], name="fk_leases_kernel_no", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_leases_holder", "leases", ["holder"])


def downgrade() -> None:
    """Take all of it back. What it told is lost."""
    op.drop_index("ix_leases_holder", "leases")
    op.drop_table("leases")
    op.drop_index("ix_kernels_kept", "kernels")
    op.drop_column("changes", "cause")
    for table, columns in (("kernels", _of_kernels()), ("tasks", _of_tasks())):
        for column in columns:
            op.drop_column(table, column.name)
