"""What the H2O door keeps: pairs of image and template for notebooks, and labels of images and templates."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns and the table."""
    name = sa.String().with_variant(sa.String(collation="C"), "postgresql")
    op.add_column("templates", sa.Column("labels", sa.Text()))
    op.add_column("images", sa.Column("language", sa.String()))
    op.add_column("images", sa.Column("labels", sa.Text()))
    op.create_table(
        "notebook_specs",
        sa.Column("name", name, nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("image", sa.String(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger()),
        sa.PrimaryKeyConstraint("name", name="pk_notebook_specs"),
    )


def downgrade() -> None:
    """Forget them."""
    op.drop_table("notebook_specs")
    op.drop_column("images", "labels")
    op.drop_column("images", "language")
    op.drop_column("templates", "labels")
