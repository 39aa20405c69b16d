"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make every table."""
    _kernels()
    _tasks()
    _labels("kernel_labels", "kernels")
    _labels("task_labels", "tasks")
    _outputs_and_changes()
    _templates_and_images()
    _tokens()


def _kernels() -> None:
    op.create_table(
        "kernels",
        sa.Column("no", NUMBER, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("owner", NAME, nullable=False),
        sa.Column("name", NAME),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("image", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("environment", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("wanted", sa.String(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("ran_attempt", sa.Integer(), nullable=False),
        sa.Column("current_seq", sa.Integer()),
        sa.Column("current_task_id", sa.String()),
        sa.Column("open_tasks", sa.Integer(), nullable=False),
        sa.Column("stored_number", sa.BigInteger(), nullable=False),
        sa.Column("journal_closed", sa.Boolean(), nullable=False),
        sa.Column("info", sa.Text()),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ready_at", sa.BigInteger()),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("last_activity_at", sa.BigInteger()),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("unfinished", sa.Boolean(), nullable=False),
        sa.Column("idempotency_key", sa.String()),
        sa.Column("idempotency_digest", sa.String()),
        sa.PrimaryKeyConstraint("no", name="pk_kernels"),
        sa.UniqueConstraint("id", name="uq_kernels_id"),
        sa.UniqueConstraint("owner", "idempotency_key", name="uq_kernels_owner_idempotency_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_kernels_name_no", "kernels", ["name", "no"])
    op.create_index("ix_kernels_owner_phase_no", "kernels", ["owner", "phase", "no"])
    op.create_index("ix_kernels_phase_no", "kernels", ["phase", "no"])
    for name, columns, sqlite, postgresql in (
        ("uq_kernels_live_name", ["owner", "name"], "live = 1", "live"),
        ("ix_kernels_unfinished", ["no"], "unfinished = 1", "unfinished"),
        ("ix_kernels_gone", ["no"], "wanted = 'gone'", "wanted = 'gone'"),
    ):
        op.create_index(
            name,
            "kernels",
            columns,
            unique=name.startswith("uq_"),
            sqlite_where=sa.text(sqlite),
            postgresql_where=sa.text(postgresql),
        )


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("no", NUMBER, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("kernel_no", NUMBER, nullable=False),
        sa.Column("kernel_id", sa.String(), nullable=False),
        sa.Column("owner", NAME, nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("needs_id", sa.String()),
        sa.Column("needs_seq", sa.Integer()),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("execution_count", sa.Integer()),
        sa.Column("cancel_requested", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger()),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("first_number", sa.BigInteger()),
        sa.Column("last_number", sa.BigInteger()),
        sa.Column("idempotency_key", sa.String()),
        sa.Column("idempotency_digest", sa.String()),
        sa.PrimaryKeyConstraint("no", name="pk_tasks"),
        sa.ForeignKeyConstraint(
            ["kernel_no"], ["kernels.no"], name="fk_tasks_kernel_no", ondelete="CASCADE"
        ),
        sa.UniqueConstraint("id", name="uq_tasks_id"),
        sa.UniqueConstraint("kernel_no", "seq", name="uq_tasks_kernel_no_seq"),
        sa.UniqueConstraint(
            "kernel_no", "idempotency_key", name="uq_tasks_kernel_no_idempotency_key"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_tasks_kernel_no_state_no", "tasks", ["kernel_no", "state", "no"])
    op.create_index("ix_tasks_owner_state_no", "tasks", ["owner", "state", "no"])
    op.create_index("ix_tasks_state_no", "tasks", ["state", "no"])


def _labels(name: str, labelled: str) -> None:
    op.create_table(
        name,
        sa.Column("key", NAME, nullable=False),
        sa.Column("value", NAME, nullable=False),
        sa.Column("no", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("key", "value", "no", name=f"pk_{name}"),
        sa.ForeignKeyConstraint(
            ["no"], [f"{labelled}.no"], name=f"fk_{name}_no", ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    op.create_index(f"ix_{name}_no", name, ["no"])


def _outputs_and_changes() -> None:
    op.create_table(
        "outputs",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outputs"),
    )
    op.create_table(
        "changes",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("kernel_no", NUMBER, nullable=False),
        sa.Column("owner", NAME, nullable=False),
        sa.Column("task_no", NUMBER),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.PrimaryKeyConstraint("number", name="pk_changes"),
        sa.ForeignKeyConstraint(
            ["kernel_no"], ["kernels.no"], name="fk_changes_kernel_no", ondelete="CASCADE"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_changes_kernel_no_number", "changes", ["kernel_no", "number"])
    op.create_index("ix_changes_owner_number", "changes", ["owner", "number"])
    op.create_index(
        "ix_changes_of_kernels",
        "changes",
        ["kernel_no", "number"],
        sqlite_where=sa.text("task_no IS NULL"),
        postgresql_where=sa.text("task_no IS NULL"),
    )


def _templates_and_images() -> None:
    op.create_table(
        "templates",
        sa.Column("name", NAME, nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_templates"),
    )
    op.create_table(
        "images",
        sa.Column("name", NAME, nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("display_name", sa.Text()),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_images"),
    )


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("name", name="uq_tokens_name"),
        sa.UniqueConstraint("sha256", name="uq_tokens_sha256"),
    )
