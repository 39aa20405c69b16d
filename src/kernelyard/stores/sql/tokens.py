"""Tokens in SQL."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from kernelyard.model.errors import AlreadyExists, UserNotFound
from kernelyard.model.principals import AccessToken, Role, Scope, TokenRecord
from kernelyard.model.quantities import Micros
from kernelyard.stores.sql.database import Database
from kernelyard.stores.sql.people_tables import access_tokens, tokens, users

_WITH_USER = select(tokens, users.c.role, users.c.disabled).join(
    users, users.c.name == tokens.c.user
)
_BY_HASH = _WITH_USER.where(tokens.c.sha256 == bindparam("sha256"))
_BY_ID = _WITH_USER.where(tokens.c.id == bindparam("id"))
_USED = (
    update(tokens)
    .where(tokens.c.id == bindparam("token"))
    .where(or_(tokens.c.last_used_at.is_(None), tokens.c.last_used_at < bindparam("at")))
    .values(last_used_at=bindparam("at"))
)


class SqlTokens:
    """``TokenStore`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, token: TokenRecord) -> None:
        statement = insert(tokens).values(
            id=token.id,
            user=token.user,
            name=token.name,
            scopes=" ".join(sorted(token.scopes)),
            sha256=token.sha256,
            created_at=token.created_at,
            expires_at=token.expires_at,
            last_used_at=token.last_used_at,
        )
        known = select(users.c.name).where(users.c.name == token.user)

        def work(connection: Connection) -> None:
            if connection.execute(known).one_or_none() is None:
                raise UserNotFound
            connection.execute(statement)

        try:
            await self._database.write(work)
        except IntegrityError as error:
            raise AlreadyExists from error

    async def by_hash(self, sha256: str) -> TokenRecord | None:
        return await self._one(_BY_HASH, {"sha256": sha256})

    async def by_id(self, token_id: str) -> TokenRecord | None:
        return await self._one(_BY_ID, {"id": token_id})

    async def find(self, user: str | None = None) -> list[TokenRecord]:
        query = _WITH_USER.order_by(tokens.c.user, tokens.c.name)
        if user is not None:
            query = query.where(tokens.c.user == user)
        rows = await self._database.read(lambda c: c.execute(query).all())
        return [_token_of(row) for row in rows]

    async def remove(self, token_id: str) -> bool:
        statement = delete(tokens).where(tokens.c.id == token_id)
        return bool(await self._database.write(lambda c: c.execute(statement).rowcount))

    async def used(self, at: Mapping[str, Micros]) -> None:
        # In one order everywhere: so writers who note the same tokens wait and never meet head-on.
        rows = [{"token": token, "at": when} for token, when in sorted(at.items())]
        if rows:
            await self._database.write(lambda c: c.execute(_USED, rows))

    async def insert_access(self, token: AccessToken, now: Micros) -> None:
        statement = insert(access_tokens).values(
            sha256=token.sha256,
            parent_id=token.parent_id,
            proof=token.proof,
            expires_at=token.expires_at,
        )
        stale = delete(access_tokens).where(access_tokens.c.expires_at <= now)

        def work(connection: Connection) -> None:
            connection.execute(stale)
            connection.execute(statement)

        await self._database.write(work)

    async def access_by_hash(self, sha256: str) -> AccessToken | None:
        query = select(access_tokens).where(access_tokens.c.sha256 == sha256)
        row = await self._database.read(lambda c: c.execute(query).one_or_none())
        if row is None:
            return None
        return AccessToken(
            sha256=row.sha256,
            parent_id=row.parent_id,
            proof=row.proof,
            expires_at=row.expires_at,
        )

    async def _one(self, query: Any, asked: Mapping[str, str]) -> TokenRecord | None:
        row = await self._database.read(lambda c: c.execute(query, asked).one_or_none())
        return _token_of(row) if row else None


def _token_of(row: Row[Any]) -> TokenRecord:
    return TokenRecord(
        id=row.id,
        user=row.user,
        name=row.name,
        scopes=frozenset(Scope(name) for name in row.scopes.split()),
        sha256=row.sha256,
        created_at=row.created_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        role=Role(row.role),
        disabled=row.disabled,
    )
