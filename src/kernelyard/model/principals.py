"""Who asks, what a token allows, and who may ask at all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from kernelyard.model.errors import Forbidden, Invalid
from kernelyard.model.quantities import Micros

ADMIN_NAME = "admin"
"""The user whose token the server makes at its first start. He is always there."""


class Role(StrEnum):
    """What a principal may do: an administrator everything, a user what concerns his own things."""

    ADMIN = "admin"
    USER = "user"


class Scope(StrEnum):
    """What a token may be used for. Each of the others includes reading."""

    READ = "read"
    """To see and follow."""
    RUN = "run"
    """To queue code, cancel it, answer it and interrupt kernels."""
    MANAGE = "manage"
    """To make, restart, end and delete kernels, and to keep templates, pools and tokens of one's own."""
    ADMIN = "admin"
    """What only administrators may; without it an administrator's token is like a user's."""


SCOPES_OF = {
    Role.ADMIN: frozenset(Scope),
    Role.USER: frozenset({Scope.READ, Scope.RUN, Scope.MANAGE}),
}
"""All scopes that tokens of a role may have."""


def granted(scopes: Iterable[Scope], role: Role) -> frozenset[Scope]:
    """Return which of ``scopes`` a token of ``role`` has, with what they include."""
    held = frozenset(scopes) & SCOPES_OF[role]
    return held | {Scope.READ} if held else held


def checked_scopes(names: Iterable[str], role: Role) -> frozenset[Scope]:
    """Return the scopes of these names; raise Invalid unless tokens of ``role`` may have them all."""
    known = [scope.value for scope in Scope if scope in SCOPES_OF[role]]
    scopes: set[Scope] = set()
    for name in names:
        if name not in known:
            raise Invalid(
                f"'scopes' has {name[:80]!r}. Tokens of this user may have: {', '.join(known)}.",
                field="scopes",
            )
        scopes.add(Scope(name))
    if not scopes:
        raise Invalid(
            f"'scopes' is empty. Give some of: {', '.join(known)}; or leave it out for all of them.",
            field="scopes",
        )
    return granted(scopes, role)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is behind a request. ``name`` owns the kernels that the request makes."""

    name: str
    role: Role
    scopes: frozenset[Scope] = frozenset(Scope)
    """What the token is good for; never more than the role allows."""
    token_id: str | None = field(default=None, compare=False)
    """The token; None for the server's own and for those of somebody else's making."""
    address: str | None = field(default=None, compare=False)
    """Where the request comes from, as the door sees it."""
    until: Micros | None = field(default=None, compare=False)
    """When the token ends by which he has come, whoever has issued it; None for never."""

    def __post_init__(self) -> None:
        """Never more scopes than the role has."""
        object.__setattr__(self, "scopes", granted(self.scopes, self.role))

    @property
    def is_admin(self) -> bool:
        """Whether he may do and see everything here: an administrator with a token for that."""
        return Scope.ADMIN in self.scopes

    @property
    def sees(self) -> str | None:
        """The owner whose things this principal sees; None for everybody's."""
        return None if self.is_admin else self.name

    def must(self, scope: Scope) -> None:
        """Raise Forbidden unless the token has ``scope``."""
        if scope in self.scopes:
            return
        if scope is Scope.ADMIN:
            raise Forbidden(
                "Only an administrator may do this. Use the server's admin token, or ask its owner."
            )
        raise Forbidden(
            f"This token does not allow this: it lacks the scope '{scope.value}'. "
            "Use one that has it; 'kernelyard token create' makes one."
        )


class UserKind(StrEnum):
    """Who stands behind a name."""

    USER = "user"
    SERVICE = "service"
    """A program."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody who may have tokens and own things."""

    name: str
    kind: UserKind = UserKind.USER
    role: Role = Role.USER
    display_name: str = ""
    disabled: bool = False
    """Whether all of his tokens are refused."""
    created_at: Micros = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """A token as it is stored: only its SHA-256."""

    id: str
    user: str
    """Whose it is."""
    name: str
    """What its user calls it."""
    scopes: frozenset[Scope]
    sha256: str
    created_at: Micros
    expires_at: Micros | None = None
    last_used_at: Micros | None = None
    """To the minute."""
    role: Role = Role.USER
    """Of its user, when it was read."""
    disabled: bool = False
    """Whether its user was disabled when it was read."""

    def has_expired(self, now: Micros) -> bool:
        """Whether it is not good any more at ``now``."""
        return self.expires_at is not None and now >= self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A token that was traded for another one, for a short time, as it is stored."""

    sha256: str
    parent_id: str | None
    """The token that it was traded for, without which it is worth nothing; None: the server's own."""
    proof: str | None
    """If that was the server's own, what tells whether it is still the same one."""
    expires_at: Micros
