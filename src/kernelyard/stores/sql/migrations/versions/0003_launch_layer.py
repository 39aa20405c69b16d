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


def downgrade() -> None:
    """Take all of it back. What it told is lost."""
    for column in ("owned", "path", "parameters"):
        op.drop_column("kernels", column)
