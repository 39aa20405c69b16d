"""What the server tells of users, tokens and the audit trail, as typed frozen data."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A token of the server, without its secret."""

    id: str
    name: str
    """What its user calls it."""
    user: str = ""
    role: str
    """The role of its user."""
    scopes: list[str] = field(default_factory=list)
    """What it may be used for: ``read``, ``run``, ``manage``, ``admin``."""
    created_at: datetime | None = None
    expires_at: datetime | None = None
    """None: it is good until it is revoked."""
    last_used_at: datetime | None = None
    """To the minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken(Token):
    """A token just made. ``token`` is its secret and is never told again."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoAmI:
    """Whom the server takes us for, and which version it has."""

    name: str
    role: str
    scopes: list[str] = field(default_factory=list)
    """What our token may be used for."""
    server: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who may have tokens and own things."""

    name: str
    kind: str = "user"
    """``user`` or ``service``, which is a program."""
    role: str = "user"
    display_name: str = ""
    disabled: bool = False
    """Whether all of his tokens are refused."""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One deed: who did what, when, from where and with which token."""

    at: datetime
    user: str
    token_id: str | None = None
    """None: the server's own token, or one of an identity provider."""
    address: str | None = None
    action: str
    """Such as ``task.run`` or ``kernel.create``."""
    subject: str
    """Id or name of what it was done to."""
    details: dict[str, str] = field(default_factory=dict)
