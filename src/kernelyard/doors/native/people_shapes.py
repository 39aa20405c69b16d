"""Users, tokens and the audit trail: what bodies may say, and what answers look like."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from kernelyard.doors.native.orders import Order, Seconds
from kernelyard.doors.native.shapes import Cursor, Id, Time
from kernelyard.doors.native.translate import role, time_text
from kernelyard.model import audit
from kernelyard.model import principals as model
from kernelyard.model.principals import Principal, Scope, TokenRecord
from kernelyard.model.quantities import Micros

KindWord = Literal["user", "service"]
RoleWord = Literal["admin", "user"]
ScopeWord = Literal["read", "run", "manage", "admin"]
_MORNING = "2026-01-02T09:00:00.000000Z"


class NewTokenOrder(Order):
    """A token, and whose it is to be."""

    model_config = ConfigDict(
        title="NewTokenOrder",
        json_schema_extra={
            "examples": [{"name": "ada"}, {"user": "ada", "name": "ci", "scopes": ["run"]}]
        },
    )

    name: str = Field(description="What its user calls it.")
    user: str | None = Field(
        default=None,
        description="Whose it is. By default one's own; for administrators that of the user `name`, who "
        "is added if there is none.",
    )
    role: RoleWord | None = Field(
        default=None, description="Of a user who is added: `user` if left out."
    )
    scopes: list[ScopeWord] | None = Field(
        default=None, description="What it may be used for; by default all that its user may do."
    )
    expires_in: Seconds | None = Field(
        default=None, description="How long it is valid, such as `30d`; by default for ever."
    )


class Token(TypedDict):
    """What is known of a token; never its text."""

    id: Id
    name: Annotated[str, Field(description="What its user calls it.")]
    user: str
    role: Annotated[RoleWord, Field(description="The role of its user.")]
    scopes: list[str]
    created_at: Time
    expires_at: Time | None
    last_used_at: Annotated[Time | None, Field(description="To the minute.")]


class NewToken(Token):
    """A token with its text, which is told this once."""

    token: str


class TokenList(TypedDict):
    """Tokens, by user and name."""

    items: list[Token]
    next_cursor: Cursor


class Caller(TypedDict):
    """Who asks, and which server answers."""

    name: str
    role: RoleWord
    scopes: Annotated[list[str], Field(description="What this token may be used for.")]
    server: Annotated[str, Field(description="The server's version.")]


class NewUserOrder(Order):
    """A user to be added."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "ada"}, {"name": "ci", "kind": "service"}]}
    )

    name: str
    kind: KindWord = Field(default="user", description="A person, or a program.")
    role: RoleWord = "user"
    display_name: str = ""


class UserChangeOrder(Order):
    """What is to become different; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"disabled": True}]})

    role: RoleWord | None = None
    display_name: str | None = None
    disabled: bool | None = None


class User(TypedDict):
    """Somebody who may have tokens and own things."""

    name: str
    kind: KindWord
    role: RoleWord
    display_name: str
    disabled: Annotated[bool, Field(description="Whether all of his tokens are refused.")]
    created_at: Time


class UserList(TypedDict):
    """Users, by name."""

    items: list[User]
    next_cursor: Cursor


class AuditEntry(TypedDict):
    """One deed."""

    at: Time
    user: str
    token_id: Annotated[
        str | None,
        Field(description="Null: the server's own token, or one of an identity provider."),
    ]
    address: Annotated[str | None, Field(description="From where, as the server saw it.")]
    action: Annotated[str, Field(description="Such as `task.run` or `kernel.create`.")]
    subject: Annotated[str, Field(description="Id or name of what it was done to.")]
    details: dict[str, str]


class AuditList(TypedDict):
    """Deeds, newest first."""

    items: list[AuditEntry]
    next_cursor: Cursor


def token(record: TokenRecord) -> Token:
    """What is known of a token."""
    return {
        "id": record.id,
        "name": record.name,
        "user": record.user,
        "role": role(record.role),
        "scopes": scopes(record.scopes),
        "created_at": time_text(record.created_at),
        "expires_at": _time(record.expires_at),
        "last_used_at": _time(record.last_used_at),
    }


def caller(who: Principal, server: str) -> Caller:
    """Who asks."""
    return {
        "name": who.name,
        "role": role(who.role),
        "scopes": scopes(who.scopes),
        "server": server,
    }


def user(of: model.User) -> User:
    """What is known of a user."""
    return {
        "name": of.name,
        "kind": "user" if of.kind is model.UserKind.USER else "service",
        "role": role(of.role),
        "display_name": of.display_name,
        "disabled": of.disabled,
        "created_at": time_text(of.created_at),
    }


def audit_entry(entry: audit.AuditEntry) -> AuditEntry:
    """One deed."""
    return {
        "at": time_text(entry.at),
        "user": entry.user,
        "token_id": entry.token_id,
        "address": entry.address,
        "action": entry.action,
        "subject": entry.subject,
        "details": entry.details,
    }


def scopes(of: frozenset[Scope]) -> list[str]:
    """Scopes by their words, from the narrowest to the widest."""
    return [scope.value for scope in Scope if scope in of]


def _time(at: Micros | None) -> str | None:
    return None if at is None else time_text(at)


TOKEN: Token = {
    "id": "0d9c8b7a-6f5e-4d3c-8b2a-190807f6e5d4",
    "name": "laptop",
    "user": "ada",
    "role": "user",
    "scopes": ["read", "run", "manage"],
    "created_at": _MORNING,
    "expires_at": None,
    "last_used_at": _MORNING,
}
NEW_TOKEN: NewToken = {**TOKEN, "last_used_at": None, "token": "ky_…"}
TOKENS: TokenList = {"items": [TOKEN], "next_cursor": None}
CALLER: Caller = {
    "name": "ada",
    "role": "user",
    "scopes": ["read", "run", "manage"],
    "server": "0.1.0",
}
USER: User = {
    "name": "ada",
    "kind": "user",
    "role": "user",
    "display_name": "Ada",
    "disabled": False,
    "created_at": _MORNING,
}
USERS: UserList = {"items": [USER], "next_cursor": None}
AUDIT: AuditList = {
    "items": [
        {
            "at": _MORNING,
            "user": "ada",
            "token_id": TOKEN["id"],
            "address": "192.0.2.7",
            "action": "task.run",
            "subject": "7b0a5c1e-2d3f-4a5b-8c6d-7e8f90a1b2c3",
            "details": {"kernel": "5f0e4d3c-2b1a-4c9d-8e7f-6a5b4c3d2e1f"},
        }
    ],
    "next_cursor": None,
}
