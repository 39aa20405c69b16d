"""How kernels were started: as a fork, or as new programs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of kernels that are there it is not known."""
    op.add_column("kernels", sa.Column("started", sa.String()))


def downgrade() -> None:
    """Forget it."""
    op.drop_column("kernels", "started")
