"""Users, several tokens for each of them, tokens for a short time, the audit trail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAME = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_SCOPES = {"admin": "admin manage read run", "user": "manage read run"}


def upgrade() -> None:
    """Make a user of every token's name, with its role; the token may be used for all that he may."""
    old = (
        op.get_bind()
        .execute(sa.text("SELECT id, name, role, sha256, created_at FROM tokens"))
        .all()
    )
    op.drop_table("tokens")
    users, tokens = _create_users(), _create_tokens()
    first = {
        "name": "admin",
        "kind": "user",
        "role": "admin",
        "display_name": "Administrator",
        "disabled": False,
        "created_at": 0,
    }
    op.bulk_insert(
        users,
        [
            first,
            *(
                {
                    "name": row.name,
                    "kind": "user",
                    "role": row.role,
                    "display_name": "",
                    "disabled": False,
                    "created_at": row.created_at,
                }
                for row in old
            ),
        ],
    )
    op.bulk_insert(
        tokens,
        [
            {
                "id": row.id,
                "user": row.name,
                "name": row.name,
                "scopes": _SCOPES[row.role],
                "sha256": row.sha256,
                "created_at": row.created_at,
            }
            for row in old
        ],
    )
    _create_access_tokens()
    _create_audit()


def downgrade() -> None:
    """Keep one token for each user, the oldest that is good for all and for ever."""
    kept = (
        op.get_bind()
        .execute(
            sa.text(
                'SELECT tokens.id, tokens."user" AS name, users.role, tokens.sha256, tokens.created_at, '
                'tokens.scopes FROM tokens JOIN users ON users.name = tokens."user" '
                "WHERE NOT users.disabled AND tokens.expires_at IS NULL "
                "ORDER BY tokens.created_at DESC, tokens.id DESC"
            )
        )
        .all()
    )
    op.drop_table("audit")
    op.drop_table("access_tokens")
    op.drop_table("tokens")
    op.drop_table("users")
    tokens = op.create_table(
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
    names = ("id", "name", "role", "sha256", "created_at")
    whole = {
        row.name: row for row in kept if row.scopes == _SCOPES[row.role] and row.name != "admin"
    }
    op.bulk_insert(tokens, [{name: getattr(row, name) for name in names} for row in whole.values()])


def _create_users() -> sa.Table:
    return op.create_table(
        "users",
        sa.Column("name", NAME, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_users"),
    )


def _create_tokens() -> sa.Table:
    return op.create_table(
        "tokens",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("user", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("scopes", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger()),
        sa.Column("last_used_at", sa.BigInteger()),
        sa.ForeignKeyConstraint(
            ["user"], ["users.name"], name="fk_tokens_user", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_tokens"),
        sa.UniqueConstraint("user", "name", name="uq_tokens_user_name"),
        sa.UniqueConstraint("sha256", name="uq_tokens_sha256"),
    )


def _create_access_tokens() -> None:
    op.create_table(
        "access_tokens",
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("parent_id", sa.String()),
        sa.Column("proof", sa.String()),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["parent_id"], ["tokens.id"], name="fk_access_tokens_parent_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sha256", name="pk_access_tokens"),
    )
    op.create_index("ix_access_tokens_parent_id", "access_tokens", ["parent_id"])
    op.create_index("ix_access_tokens_expires_at", "access_tokens", ["expires_at"])


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column("no", NUMBER, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("user", NAME, nullable=False),
        sa.Column("token_id", sa.String()),
        sa.Column("address", sa.String()),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("no", name="pk_audit"),
        sqlite_autoincrement=True,
    )
    for column in ("user", "action", "subject"):
        op.create_index(f"ix_audit_{column}_no", "audit", [column, "no"])
