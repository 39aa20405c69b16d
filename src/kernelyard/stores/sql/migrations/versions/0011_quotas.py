"""Quotas: what each user may use, what each kernel holds, and which of them wait for room."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the table and the columns; kernels that are there are let in already."""
    op.create_table(
        "quotas",
        sa.Column("owner", NAME, nullable=False),
        sa.Column("limits", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner", name="pk_quotas"),
    )
    op.add_column(
        "kernels", sa.Column("priority", sa.Integer(), nullable=False, server_default="0")
    )
    op.add_column(
        "kernels", sa.Column("admitted", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    for name in ("milli_cpu", "memory_bytes", "gpu"):
        op.add_column(
            "kernels", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")
        )
    op.create_index(
        "ix_kernels_not_admitted",
        "kernels",
        ["no"],
        sqlite_where=sa.text("unfinished = 1 AND admitted = 0"),
        postgresql_where=sa.text("unfinished AND NOT admitted"),
    )
    _count_what_lives()


def _count_what_lives() -> None:
    """Write down what the kernels hold that have not ended."""
    connection = op.get_bind()
    living = connection.execute(
        sa.text("SELECT no, template FROM kernels WHERE unfinished AND owned")
    ).all()
    for no, template in living:
        spec = json.loads(template)["spec"]
        connection.execute(
            sa.text(
                "UPDATE kernels SET milli_cpu = :cpu, memory_bytes = :memory, gpu = :gpu "
                "WHERE no = :no"
            ),
            {
                "no": no,
                "cpu": spec.get("milli_cpu_limit", 0),
                "memory": spec.get("memory_bytes_limit", 0),
                "gpu": spec.get("gpu", 0),
            },
        )


def downgrade() -> None:
    """Take all of it back. What waits would be started by older programs, and is to be started."""
    op.drop_table("quotas")
    op.drop_index("ix_kernels_not_admitted", "kernels")
    for name in ("gpu", "memory_bytes", "milli_cpu", "admitted", "priority"):
        op.drop_column("kernels", name)
