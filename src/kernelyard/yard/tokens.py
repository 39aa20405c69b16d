"""Tokens: users have some of their own, administrators deal in everybody's."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable

from kernelyard.model.audit import Action
from kernelyard.model.errors import AlreadyExists, Conflict, Forbidden, Invalid, TokenNotFound
from kernelyard.model.ids import checked_name
from kernelyard.model.principals import (
    ADMIN_NAME,
    SCOPES_OF,
    Principal,
    Role,
    Scope,
    TokenRecord,
    User,
    checked_scopes,
)
from kernelyard.model.quantities import Micros
from kernelyard.ports.clock import Clock
from kernelyard.ports.people_store import TokenStore, UserStore
from kernelyard.yard.access import SHORTEST_SECONDS, Access, ensured, only_admin, sha256_of
from kernelyard.yard.audit import AuditTrail

LONGEST_SECONDS = 100 * 365 * 86_400.0
_MICROS = 1_000_000


class Tokens:
    """Makes, lists and revokes tokens."""

    def __init__(
        self, users: UserStore, tokens: TokenStore, clock: Clock, access: Access, audit: AuditTrail
    ) -> None:
        self._users = users
        self._tokens = tokens
        self._clock = clock
        self._access = access
        self._audit = audit

    async def create(
        self,
        who: Principal,
        name: str,
        role: Role | None = None,
        *,
        user: str | None = None,
        scopes: Iterable[str] | None = None,
        seconds: float | None = None,
    ) -> tuple[TokenRecord, str]:
        """Make a token; its text is returned here once and kept nowhere.

        Users make their own. An administrator names the ``user``; if he does not, ``name`` is a user's
        name too, who is added with ``role`` if there is none. ``scopes`` are all that the role allows
        unless told otherwise, and never more than the asker's own for a token of his own. It is valid
        for ``seconds``, or until it is removed, and never longer than what the asker has come with,
        whoever it is for. Raises Forbidden, AlreadyExists, UserNotFound, Invalid, Conflict.
        """
        who.must(Scope.MANAGE)
        checked_name(name, field="name")
        mine = user == who.name or (user is None and not who.is_admin)
        if not mine or role not in (None, who.role):
            only_admin(who)
        if user is None and not mine and name == ADMIN_NAME:
            raise Invalid(
                "The name 'admin' belongs to the server's first token. Say whose it is with 'user'.",
                field="name",
            )
        expires_at = self._expiry(seconds)
        _no_longer_than(who, expires_at)
        owner = await self._owner(who, name, role, None if user is None and not mine else user)
        allowed = checked_scopes(scopes, owner.role) if scopes is not None else None
        given = _no_more_than(who, allowed) if mine else allowed or SCOPES_OF[owner.role]
        text = f"ky_{secrets.token_urlsafe(32)}"
        record = TokenRecord(
            id=str(uuid.uuid4()),
            user=owner.name,
            name=name,
            scopes=given,
            sha256=sha256_of(text),
            created_at=self._clock.now(),
            expires_at=expires_at,
            role=owner.role,
        )
        await self._keep(who, record)
        return record, text

    async def _keep(self, who: Principal, record: TokenRecord) -> None:
        try:
            await self._tokens.insert(record)
        except AlreadyExists as error:
            raise AlreadyExists(
                f"{record.user} has a token named '{record.name}' already. Choose another name, or "
                "revoke that one first.",
                field="name",
            ) from error
        await self._audit.write(
            who,
            Action.TOKEN_CREATE,
            record.id,
            user=record.user,
            name=record.name,
            scopes=" ".join(sorted(record.scopes)),
        )

    async def list(self, who: Principal, user: str | None = None) -> list[TokenRecord]:
        """Return the records of a user's tokens; by default of one's own, or all for administrators.

        Raises Forbidden for those of others.
        """
        who.must(Scope.READ)
        if user not in (None, who.name):
            only_admin(who)
        return await self._tokens.find(user or who.sees)

    async def remove(self, who: Principal, token_id: str) -> None:
        """Make a token invalid at once, also what was traded for it.

        Raises TokenNotFound, also for those of others; Forbidden.
        """
        who.must(Scope.MANAGE)
        record = await self._tokens.by_id(token_id)
        if record is None or who.sees not in (None, record.user):
            raise TokenNotFound
        if not await self._tokens.remove(token_id):
            raise TokenNotFound
        self._access.forget()
        await self._audit.write(
            who, Action.TOKEN_REVOKE, token_id, user=record.user, name=record.name
        )

    async def _owner(self, who: Principal, name: str, role: Role | None, user: str | None) -> User:
        """Whose a new token is to be."""
        if user is None and who.is_admin:
            owner = await ensured(self._users, name, role or Role.USER, self._clock.now())
        else:
            owner = await self._users.get(user or who.name)
        if role is not None and role is not owner.role:
            raise Conflict(
                f"The user {owner.name} has the role '{owner.role.value}'. Leave 'role' out, or change "
                "it first: 'kernelyard user update'.",
                field="role",
            )
        return owner

    def _expiry(self, seconds: float | None) -> Micros | None:
        if seconds is None:
            return None
        if not SHORTEST_SECONDS <= seconds <= LONGEST_SECONDS:
            raise Invalid(
                f"'expires_in' must be at least {SHORTEST_SECONDS:g} s; leave it out for no end.",
                field="expires_in",
            )
        return self._clock.now() + int(seconds * _MICROS)


def _no_more_than(who: Principal, asked: frozenset[Scope] | None) -> frozenset[Scope]:
    """The scopes of a token of one's own. Raises Forbidden for more than one has."""
    if asked is not None and not asked <= who.scopes:
        more = ", ".join(sorted(asked - who.scopes))
        raise Forbidden(
            f"This token cannot make one that may do more than itself: it lacks {more}.",
            field="scopes",
        )
    return who.scopes if asked is None else asked


def _no_longer_than(who: Principal, expires_at: Micros | None) -> None:
    """Raise Forbidden for an end after that of what ``who`` has come with: else whoever finds that has more."""
    if who.until is not None and (expires_at is None or expires_at > who.until):
        raise Forbidden(
            "This token cannot make one that lives longer than itself. Give 'expires_in' "
            "accordingly, or use a token that does not expire.",
            field="expires_in",
        )
