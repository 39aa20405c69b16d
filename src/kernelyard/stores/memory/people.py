"""Users, their tokens, and what they did, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from kernelyard.model.audit import AuditEntry, AuditQuery
from kernelyard.model.errors import AlreadyExists, UserNotFound
from kernelyard.model.paging import Page
from kernelyard.model.principals import ADMIN_NAME, AccessToken, Role, TokenRecord, User
from kernelyard.model.quantities import Micros
from kernelyard.stores.memory.names import MemoryChoices, MemoryTemplates
from kernelyard.stores.memory.shelf import Shelf

ADMIN = User(name=ADMIN_NAME, role=Role.ADMIN, display_name="Administrator")


class MemoryUsers:
    """``UserStore`` over a dictionary."""

    def __init__(self, shelf: Shelf | None = None, choices: MemoryChoices | None = None) -> None:
        self._shelf = shelf or Shelf()
        self._choices = choices or MemoryChoices()
        self._users = {ADMIN.name: ADMIN}
        self.tokens = MemoryTokens(self._users)
        self.templates = MemoryTemplates(self._users)

    async def insert(self, user: User) -> None:
        if user.name in self._users:
            raise AlreadyExists
        self._users[user.name] = user

    async def get(self, name: str) -> User:
        try:
            return self._users[name]
        except KeyError:
            raise UserNotFound from None

    async def find(self, after: str | None, limit: int) -> list[User]:
        names = sorted(name for name in self._users if after is None or name > after)
        return [self._users[name] for name in names[:limit]]

    async def replace(self, user: User) -> None:
        await self.get(user.name)
        self._users[user.name] = user

    async def remove(self, name: str) -> None:
        await self.get(name)
        self.templates.drop_of(name)
        self._choices.drop_of(name)
        self._shelf.quotas.pop(name, None)
        for token in await self.tokens.find(name):
            await self.tokens.remove(token.id)
        del self._users[name]


class MemoryTokens:
    """``TokenStore`` over a dictionary."""

    def __init__(self, users: Mapping[str, User]) -> None:
        self._users = users
        self._tokens: dict[str, TokenRecord] = {}
        self._access: dict[str, AccessToken] = {}

    async def insert(self, token: TokenRecord) -> None:
        if token.user not in self._users:
            raise UserNotFound
        for one in self._tokens.values():
            same_name = (one.user, one.name) == (token.user, token.name)
            if same_name or one.id == token.id or one.sha256 == token.sha256:
                raise AlreadyExists
        self._tokens[token.id] = token

    async def by_hash(self, sha256: str) -> TokenRecord | None:
        return self._told(next((t for t in self._tokens.values() if t.sha256 == sha256), None))

    async def by_id(self, token_id: str) -> TokenRecord | None:
        return self._told(self._tokens.get(token_id))

    async def find(self, user: str | None = None) -> list[TokenRecord]:
        told = (self._told(token) for token in self._tokens.values())
        mine = [token for token in told if token and user in (None, token.user)]
        return sorted(mine, key=lambda token: (token.user, token.name))

    async def remove(self, token_id: str) -> bool:
        for access in [one for one in self._access.values() if one.parent_id == token_id]:
            del self._access[access.sha256]
        return self._tokens.pop(token_id, None) is not None

    async def used(self, at: Mapping[str, Micros]) -> None:
        for token_id, when in at.items():
            token = self._tokens.get(token_id)
            if token is not None and (token.last_used_at or 0) < when:
                self._tokens[token_id] = replace(token, last_used_at=when)

    async def insert_access(self, token: AccessToken, now: Micros) -> None:
        for stale in [one for one in self._access.values() if one.expires_at <= now]:
            del self._access[stale.sha256]
        self._access[token.sha256] = token

    async def access_by_hash(self, sha256: str) -> AccessToken | None:
        return self._access.get(sha256)

    def _told(self, token: TokenRecord | None) -> TokenRecord | None:
        if token is None:
            return None
        user = self._users[token.user]
        return replace(token, role=user.role, disabled=user.disabled)


class MemoryAudit:
    """``AuditStore`` over a list."""

    def __init__(self) -> None:
        self._entries: list[AuditEntry] = []
        self._made = 0

    async def write(self, entries: Sequence[AuditEntry]) -> None:
        for entry in entries:
            self._made += 1
            self._entries.append(replace(entry, no=self._made, action=str(entry.action)))

    async def find(self, query: AuditQuery) -> Page[AuditEntry]:
        found = [entry for entry in reversed(self._entries) if _is_asked_for(entry, query)]
        items = found[: query.limit]
        return Page(items, items[-1].no if len(found) > query.limit else None)

    async def forget(self, before: Micros, limit: int) -> int:
        first = self._entries[:limit]
        kept = [entry for entry in first if entry.at >= before]
        self._entries[: len(first)] = kept
        return len(first) - len(kept)


def _is_asked_for(entry: AuditEntry, query: AuditQuery) -> bool:
    return (
        query.user in (None, entry.user)
        and query.action in (None, entry.action)
        and query.subject in (None, entry.subject)
        and (query.since is None or entry.at >= query.since)
        and (query.before is None or entry.no < query.before)
    )
