"""Ids that kernels and tasks were given at doors with ids of their own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_KERNELS = sa.text("external_id IS NOT NULL AND wanted <> 'gone'")
_TASKS = sa.text("external_id IS NOT NULL")


def upgrade() -> None:
    """Add the columns and what keeps the ids apart; what is there has none."""
    op.add_column("kernels", sa.Column("external_id", sa.String()))
    op.add_column("tasks", sa.Column("external_id", sa.String()))
    op.create_index(
        "uq_kernels_external_id",
        "kernels",
        ["external_id", "owner"],
        unique=True,
        sqlite_where=_KERNELS,
        postgresql_where=_KERNELS,
    )
    op.create_index(
        "uq_tasks_external_id",
        "tasks",
        ["kernel_no", "external_id"],
        unique=True,
        sqlite_where=_TASKS,
        postgresql_where=_TASKS,
    )


def downgrade() -> None:
    """Forget the ids."""
    op.drop_index("uq_tasks_external_id", "tasks")
    op.drop_index("uq_kernels_external_id", "kernels")
    op.drop_column("tasks", "external_id")
    op.drop_column("kernels", "external_id")
