"""Who may come in, and with which token."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import uuid

from kernelyard.model.errors import Forbidden, Invalid, TokenNotFound, Unauthenticated
from kernelyard.model.ids import checked_name
from kernelyard.model.principals import Principal, Role, TokenRecord
from kernelyard.model.quantities import Micros
from kernelyard.ports.clock import Clock
from kernelyard.ports.identity import Identity, may_be_issued
from kernelyard.ports.named_stores import TokenStore
from kernelyard.yard.welcome import Welcome

ADMIN_NAME = "admin"
_REMEMBER: Micros = 5_000_000
_MOST_REMEMBERED = 10_000


class Access:
    """Knows tokens by their SHA-256 only."""

    def __init__(self, tokens: TokenStore, clock: Clock, admin_token: str | None) -> None:
        self._tokens = tokens
        self._clock = clock
        self._identity: Identity | None = None
        self._admin_sha256 = _sha256(admin_token) if admin_token else None
        self._remembered: dict[str, tuple[Principal, Micros]] = {}
        self._removals = 0
        """What was read before one may not be remembered behind it."""

    def trust(self, identity: Identity) -> None:
        """From now on let in those whom an identity provider vouches for, too."""
        self._identity = identity

    async def authenticate(self, token: str | None) -> Principal:
        """Return who holds ``token``. Raises Unauthenticated, and Unavailable for one that an
        identity provider has issued and that cannot be checked now."""
        if not token:
            raise Unauthenticated
        digest = _sha256(token)
        if self._admin_sha256 is not None and hmac.compare_digest(digest, self._admin_sha256):
            return Principal(ADMIN_NAME, Role.ADMIN)
        if self._identity is not None and may_be_issued(token):
            principal = await self._identity.verify(token)
            if principal is not None:
                return principal
        now = self._clock.now()
        known = self._remembered.get(digest)
        if known is not None and now < known[1]:
            return known[0]
        removals = self._removals
        record = await self._tokens.by_hash(digest)
        if record is None or not hmac.compare_digest(record.sha256, digest):
            self._remembered.pop(digest, None)
            raise Unauthenticated("This token is not valid. Ask an administrator for a new one.")
        principal = Principal(record.name, record.role)
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        if removals == self._removals:
            self._remembered[digest] = (principal, now + _REMEMBER)
        return principal

    def welcome(self, token: str | None) -> Welcome:
        """Return the welcome of a token that was found good just now."""
        return Welcome(self, self._clock, token)

    async def create_token(self, who: Principal, name: str, role: Role) -> tuple[TokenRecord, str]:
        """Make a token; its text is returned here once and kept nowhere.

        Raises Forbidden for users, AlreadyExists if the name has one.
        """
        only_admin(who)
        checked_name(name, field="name")
        if name == ADMIN_NAME:
            raise Invalid("The name 'admin' belongs to the server's first token.", field="name")
        text = f"ky_{secrets.token_urlsafe(32)}"
        record = TokenRecord(
            id=str(uuid.uuid4()),
            name=name,
            role=role,
            sha256=_sha256(text),
            created_at=self._clock.now(),
        )
        await self._tokens.insert(record)
        return record, text

    async def list_tokens(self, who: Principal) -> list[TokenRecord]:
        """Return every token's record. Raises Forbidden for users."""
        only_admin(who)
        return await self._tokens.all()

    async def remove_token(self, who: Principal, token_id: str) -> None:
        """Make a token invalid at once. Raises Forbidden for users, TokenNotFound."""
        only_admin(who)
        if not await self._tokens.remove(token_id):
            raise TokenNotFound
        self._removals += 1
        self._remembered.clear()


def only_admin(who: Principal) -> None:
    """Raise Forbidden unless ``who`` is an administrator."""
    if not who.is_admin:
        raise Forbidden(
            "Only an administrator may do this. Use the server's admin token, or ask its owner."
        )


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
