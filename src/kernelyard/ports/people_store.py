"""Parts of a store about people: users, their tokens, and what they did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from kernelyard.model.audit import AuditEntry, AuditQuery
from kernelyard.model.paging import Page
from kernelyard.model.principals import AccessToken, TokenRecord, User
from kernelyard.model.quantities import Micros


class UserStore(Protocol):
    """Users. One named ``admin``, an administrator, is there from the beginning."""

    async def insert(self, user: User) -> None:
        """Raises AlreadyExists."""
        ...

    async def get(self, name: str) -> User:
        """Raises UserNotFound."""
        ...

    async def find(self, after: str | None, limit: int) -> list[User]:
        """Return users by name, beginning after ``after``."""
        ...

    async def replace(self, user: User) -> None:
        """Raises UserNotFound."""
        ...

    async def remove(self, name: str) -> None:
        """Remove a user with tokens, templates, choices and quota. Raises UserNotFound."""
        ...


class TokenStore(Protocol):
    """Tokens of users; the administrator's first one lives in a file instead.

    ``role`` and ``disabled`` of what is returned are the user's at that moment.
    """

    async def insert(self, token: TokenRecord) -> None:
        """Raises AlreadyExists if its user has one of that name, UserNotFound."""
        ...

    async def by_hash(self, sha256: str) -> TokenRecord | None:
        """Return the token with this SHA-256."""
        ...

    async def by_id(self, token_id: str) -> TokenRecord | None:
        """Return the token with this id."""
        ...

    async def find(self, user: str | None = None) -> list[TokenRecord]:
        """Return a user's tokens, or everybody's, by user and name."""
        ...

    async def remove(self, token_id: str) -> bool:
        """Remove, with what was traded for it; False if there was none."""
        ...

    async def used(self, at: Mapping[str, Micros]) -> None:
        """Note when tokens, by their ids, were used last. It never becomes earlier."""
        ...

    async def insert_access(self, token: AccessToken, now: Micros) -> None:
        """Keep an access token, and drop those that have expired by ``now``."""
        ...

    async def access_by_hash(self, sha256: str) -> AccessToken | None:
        """Return the access token with this SHA-256, also one that has expired."""
        ...


class AuditStore(Protocol):
    """The audit trail. Entries are never changed."""

    async def write(self, entries: Sequence[AuditEntry]) -> None:
        """Append entries; the store gives their numbers."""
        ...

    async def find(self, query: AuditQuery) -> Page[AuditEntry]:
        """Return entries, newest first; ``next`` is the last one's ``no``."""
        ...

    async def forget(self, before: Micros, limit: int) -> int:
        """Remove up to ``limit`` of the oldest entries that are older than a time; return how many."""
        ...
