"""Launch parameters, the notebook a kernel is for, and kernels that somebody else has started."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


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


def downgrade() -> None:
    """Take all of it back. What it told is lost."""
    op.drop_index("uq_kernels_live_identity", "kernels")
    for column in ("shut_down", "identity", "owned", "path", "parameters"):
        op.drop_column("kernels", column)
