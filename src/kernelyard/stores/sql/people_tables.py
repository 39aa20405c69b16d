"""The tables of users, their tokens, and what they did."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
    insert,
)

from kernelyard.model.principals import ADMIN_NAME, Role, UserKind
from kernelyard.stores.sql.tables import NAME, NUMBER, metadata

users = Table(
    "users",
    metadata,
    Column("name", NAME, primary_key=True),
    Column("kind", String, nullable=False),
    Column("role", String, nullable=False),
    Column("display_name", Text, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", String, primary_key=True),
    Column("user", NAME, ForeignKey("users.name", ondelete="CASCADE"), nullable=False),
    Column("name", NAME, nullable=False),
    Column("scopes", String, nullable=False),
    Column("sha256", String, nullable=False, unique=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("last_used_at", BigInteger),
    UniqueConstraint("user", "name"),
)

access_tokens = Table(
    "access_tokens",
    metadata,
    Column("sha256", String, primary_key=True),
    Column("parent_id", String, ForeignKey("tokens.id", ondelete="CASCADE"), index=True),
    Column("proof", String),
    Column("expires_at", BigInteger, nullable=False, index=True),
)
"""What was traded for a token, or for the server's own, for a short time."""

audit = Table(
    "audit",
    metadata,
    Column("no", NUMBER, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("user", NAME, nullable=False),
    # No foreign keys: what was done stays known when its doer or his token has gone.
    Column("token_id", String),
    Column("address", String),
    Column("action", String, nullable=False),
    Column("subject", String, nullable=False),
    Column("details", Text, nullable=False),
    Index(None, "user", "no"),
    Index(None, "action", "no"),
    Index(None, "subject", "no"),
    sqlite_autoincrement=True,
)

FIRST_PEOPLE = (
    insert(users).values(
        name=ADMIN_NAME,
        kind=UserKind.USER.value,
        role=Role.ADMIN.value,
        display_name="Administrator",
        disabled=False,
        created_at=0,
    ),
)
"""Whom a database has from the beginning."""
