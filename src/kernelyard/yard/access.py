"""Who may come in, and with which token."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from contextlib import suppress
from dataclasses import replace

from kernelyard.model.audit import Action
from kernelyard.model.errors import (
    AlreadyExists,
    Invalid,
    Unauthenticated,
    UserNotFound,
    YardError,
)
from kernelyard.model.principals import (
    ADMIN_NAME,
    AccessToken,
    Principal,
    Role,
    Scope,
    TokenRecord,
    User,
)
from kernelyard.model.quantities import Micros
from kernelyard.ports.bell import Bell, access_topic
from kernelyard.ports.clock import Clock
from kernelyard.ports.identity import Forged, Identity, may_be_issued
from kernelyard.ports.people_store import TokenStore, UserStore
from kernelyard.yard.audit import AuditTrail
from kernelyard.yard.failures import Failures
from kernelyard.yard.log import event, failure
from kernelyard.yard.welcome import Welcome

SHORTEST_SECONDS = 1.0
LONGEST_ACCESS_SECONDS = 86_400.0
"""How long a token may be valid that was traded for another one."""
_REMEMBER: Micros = 5_000_000
_MOST_REMEMBERED = 10_000
_MICROS = 1_000_000
_USED_AGAIN: Micros = 60 * _MICROS
"""How old the last use may be that is kept of a token which is used now."""
_LOOK_SECONDS = 15.0
_FOR_EVER: Micros = 2**63 - 1
_Found = tuple[Principal, Micros]
"""Who holds a token, and until when it is good."""
_ACCESS_PREFIX = "kya_"
_EXPIRED = "This token has expired. Ask for a new one: 'kernelyard token create'."
_DISABLED = "The user of this token is disabled. Ask an administrator of this server."
_NOT_VALID = "This token is not valid. Ask an administrator for a new one."


class _Unknown(Exception):
    """Nobody holds a token, or nobody any more."""


class Access:
    """Knows tokens by their SHA-256 only."""

    def __init__(
        self,
        users: UserStore,
        tokens: TokenStore,
        clock: Clock,
        admin_token: str | None,
        *,
        bell: Bell | None = None,
        audit: AuditTrail | None = None,
    ) -> None:
        """``bell`` tells other servers what is not valid any more; ``audit`` keeps who traded."""
        self._users = users
        self._tokens = tokens
        self._clock = clock
        self._bell = bell
        self._audit = audit
        self._identity: Identity | None = None
        self._admin_sha256 = sha256_of(admin_token) if admin_token else None
        self._failures = Failures(clock)
        self._remembered: dict[tuple[str, str | None], tuple[Principal, Micros]] = {}
        self._met: dict[str, tuple[User, Micros]] = {}
        """Users whose tokens somebody else has made."""
        self._uses: dict[str, Micros] = {}
        """When tokens were used that is not kept yet."""
        self._removals = 0
        """What was read before one may not be remembered behind it."""

    def trust(self, identity: Identity) -> None:
        """From now on let in those whom an identity provider vouches for, too."""
        self._identity = identity

    async def authenticate(self, token: str | None, address: str | None = None) -> Principal:
        """Return who holds ``token`` and comes from ``address``.

        Raises Unauthenticated, TooManyFailures, and Unavailable for one that an identity provider has
        issued and that cannot be checked now.
        """
        if not token:
            raise Unauthenticated
        digest = sha256_of(token)
        key = (digest, address)
        now = self._clock.now()
        known = self._remembered.get(key)
        if known is not None and now < known[1]:
            return known[0]
        removals = self._removals
        refusal = None if address is None else self._failures.refusal(address, digest)
        try:
            who, until = await self._known(token, digest, also_own=refusal is None)
        except (_Unknown, Forged) as error:
            self._remembered.pop(key, None)
            if address is not None:
                refusal = refusal or self._failures.refusal(address, digest)
                if refusal is not None:
                    raise refusal from error
                await self._failures.failed(address, digest)
            raise Unauthenticated(str(error)) from error
        if address is not None:
            if self._is_own(digest):
                self._failures.succeeded(address, digest)
            who = replace(who, address=address)
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        until = min(until, now + _REMEMBER)
        if removals == self._removals and now < until:
            self._remembered[key] = (who, until)
        return who

    def welcome(self, token: str | None, who: Principal) -> Welcome:
        """Return the welcome of a token that was found good just now, to be that of ``who``."""
        return Welcome(self, self._clock, token, who)

    async def exchange(
        self, token: str, seconds: float, address: str | None = None
    ) -> tuple[str, int]:
        """Trade ``token`` for one with the same rights, valid for ``seconds`` s or less.

        Returns its text and for how many seconds it is valid. It ends with the token that it was
        traded for. Raises Unauthenticated, TooManyFailures, Invalid.
        """
        if not SHORTEST_SECONDS <= seconds <= LONGEST_ACCESS_SECONDS:
            raise Invalid(
                f"An access token is valid for {SHORTEST_SECONDS:g} to "
                f"{LONGEST_ACCESS_SECONDS:g} seconds."
            )
        who = await self.authenticate(token, address)
        digest = sha256_of(token)
        is_own = self._is_own(digest)
        if not is_own and (who.token_id is None or token.startswith(_ACCESS_PREFIX)):
            raise Unauthenticated(
                "Only an API token of this server can be traded for an access token. "
                "'kernelyard token create' makes one."
            )
        now = self._clock.now()
        until = now + int(seconds * _MICROS)
        if who.token_id is not None:
            parent = await self._tokens.by_id(who.token_id)
            if parent is None:
                raise Unauthenticated(_NOT_VALID)
            until = min(until, parent.expires_at or until)
        text = _ACCESS_PREFIX + secrets.token_urlsafe(32)
        record = AccessToken(
            sha256=sha256_of(text),
            parent_id=who.token_id,
            proof=_proof(text, digest) if is_own else None,
            expires_at=until,
        )
        await self._tokens.insert_access(record, now)
        if self._audit is not None:
            self._audit.note(who, Action.TOKEN_EXCHANGE, who.token_id or ADMIN_NAME)
        return text, max(1, (until - now) // _MICROS)

    def forget(self) -> None:
        """Look at every token again, here and in other servers: some may not be good any more."""
        self._forget_here()
        if self._bell is not None:
            self._bell.ring(access_topic())

    async def run(self) -> None:
        """Hear what other servers say of tokens, and keep when tokens were used, until cancelled."""
        if self._bell is None:
            return
        topic = access_topic()
        mark = self._bell.mark(topic)
        while not self._bell.muffled:
            rang = await self._bell.wait(topic, mark, _LOOK_SECONDS)
            mark = self._bell.mark(topic)
            if rang:
                self._forget_here()
            await self.keep_uses()

    async def keep_uses(self) -> None:
        """Write down when tokens were used last."""
        uses, self._uses = self._uses, {}
        if not uses:
            return
        try:
            await self._tokens.used(uses)
        except YardError as error:
            event("access.uses_not_kept", code=error.code)
        except Exception as error:  # noqa: BLE001 - it only tells when a token was used
            failure("access.uses_not_kept", error)

    def _forget_here(self) -> None:
        self._removals += 1
        self._remembered.clear()
        self._met.clear()

    async def _known(self, token: str, digest: str, *, also_own: bool) -> _Found:
        """Who holds a token. Raises _Unknown, Forged, and Unauthenticated for one that was good once.

        Without ``also_own`` the server's own is looked for like any other, and takes as long to be refused.
        """
        if also_own and self._is_own(digest):
            return Principal(ADMIN_NAME, Role.ADMIN), _FOR_EVER
        if self._identity is not None and may_be_issued(token):
            stranger = await self._identity.verify(token)
            if stranger is not None:
                # When it expires is known to who has verified it; so it is verified each time.
                who = await self._met_before(stranger, follows=self._identity.tells_roles)
                return who, self._clock.now()
        if token.startswith(_ACCESS_PREFIX):
            return await self._traded(token, digest)
        record = await self._tokens.by_hash(digest)
        if record is None or not hmac.compare_digest(record.sha256, digest):
            raise _Unknown(_NOT_VALID)
        return self._holder(record)

    def _is_own(self, digest: str) -> bool:
        own = self._admin_sha256
        return own is not None and hmac.compare_digest(digest, own)

    async def _traded(self, token: str, digest: str) -> _Found:
        access = await self._tokens.access_by_hash(digest)
        if access is None or not hmac.compare_digest(access.sha256, digest):
            raise _Unknown(_NOT_VALID)
        if self._clock.now() >= access.expires_at:
            raise Unauthenticated("This access token has expired. Trade your token for a new one.")
        if access.parent_id is None:
            own = self._admin_sha256
            good = own is not None and hmac.compare_digest(access.proof or "", _proof(token, own))
            if not good:
                raise _Unknown(_NOT_VALID)
            return Principal(ADMIN_NAME, Role.ADMIN, until=access.expires_at), access.expires_at
        record = await self._tokens.by_id(access.parent_id)
        if record is None:
            raise _Unknown(_NOT_VALID)
        who, until = self._holder(record)
        until = min(until, access.expires_at)
        return replace(who, until=until), until

    def _holder(self, record: TokenRecord) -> _Found:
        now = self._clock.now()
        if record.has_expired(now):
            raise Unauthenticated(_EXPIRED)
        if record.disabled:
            raise Unauthenticated(_DISABLED)
        if now - (record.last_used_at or 0) >= _USED_AGAIN:
            self._uses[record.id] = now
        until = _FOR_EVER if record.expires_at is None else record.expires_at
        who = Principal(record.user, record.role, record.scopes, record.id, until=record.expires_at)
        return who, until

    async def _met_before(self, who: Principal, *, follows: bool) -> Principal:
        """Whom somebody else vouches for is a user too, so that he can be listed and disabled.

        With ``follows`` his role is from now on what that somebody says, for all of his tokens.
        """
        if who.name == ADMIN_NAME:
            raise Unauthenticated("The name 'admin' belongs to the server's own administrator.")
        now = self._clock.now()
        known = self._met.get(who.name)
        if known is None or now >= known[1]:
            user = await ensured(self._users, who.name, who.role, now)
            if follows and user.role is not who.role and not user.disabled:
                user = await self._given_role(user, who)
            known = (user, now + _REMEMBER)
            if len(self._met) >= _MOST_REMEMBERED:
                self._met.clear()
            self._met[who.name] = known
        if known[0].disabled:
            raise Unauthenticated(_DISABLED)
        return who

    async def _given_role(self, user: User, who: Principal) -> User:
        """Give a user the role in which he comes; so have the tokens that he has here."""
        user = replace(user, role=who.role)
        with suppress(UserNotFound):
            await self._users.replace(user)
        self.forget()
        if self._audit is not None:
            self._audit.note(who, Action.USER_UPDATE, user.name, role=who.role.value)
        return user


async def ensured(users: UserStore, name: str, role: Role, now: Micros) -> User:
    """Return the user of that name, who is added with ``role`` if there is none."""
    try:
        return await users.get(name)
    except UserNotFound:
        pass
    try:
        await users.insert(User(name=name, role=role, created_at=now))
    except AlreadyExists:
        pass
    return await users.get(name)


def sha256_of(token: str) -> str:
    """Under which a token is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


def only_admin(who: Principal) -> None:
    """Raise Forbidden unless ``who`` is an administrator with a token for that."""
    who.must(Scope.ADMIN)


def _proof(text: str, own_sha256: str) -> str:
    """Binds an access token to the server's own, which cannot be guessed from it without both."""
    return hmac.new(text.encode(), own_sha256.encode(), hashlib.sha256).hexdigest()
