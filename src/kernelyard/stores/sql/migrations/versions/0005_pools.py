"""Pools of kernels that are made before anybody asks for them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0003"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the table, and to kernels what tells those that wait in a pool."""
    op.add_column("kernels", sa.Column("pool_no", sa.BigInteger()))
    op.add_column("kernels", sa.Column("pool_digest", sa.String()))
    op.create_index(
        "ix_kernels_waiting",
        "kernels",
        ["pool_no", "no"],
        sqlite_where=sa.text("pool_no IS NOT NULL"),
        postgresql_where=sa.text("pool_no IS NOT NULL"),
    )
    op.create_table(
        "pools",
        sa.Column("no", NUMBER, nullable=False),
        sa.Column("owner", NAME, nullable=False),
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("template", NAME, nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("least", sa.Integer(), nullable=False),
        sa.Column("most", sa.Integer(), nullable=False),
        sa.Column("target", sa.Integer(), nullable=False),
        sa.Column("declared", sa.Boolean(), nullable=False),
        sa.Column("claimed", sa.BigInteger(), nullable=False),
        sa.Column("missed", sa.BigInteger(), nullable=False),
        sa.Column("demanded_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("no", name="pk_pools"),
        sa.UniqueConstraint("owner", "image", "template", name="uq_pools_owner_image_template"),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    """Take all of it back. What waits is wanted gone, for older programs would show it."""
    op.execute(
        "UPDATE kernels SET wanted = 'gone', live = false, unfinished = true WHERE pool_no IS NOT NULL"
    )
    op.drop_table("pools")
    op.drop_index("ix_kernels_waiting", "kernels")
    op.drop_column("kernels", "pool_digest")
    op.drop_column("kernels", "pool_no")
