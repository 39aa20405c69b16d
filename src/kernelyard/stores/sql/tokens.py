"""Tokens in SQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, delete, insert, select
from sqlalchemy.exc import IntegrityError

from kernelyard.model.errors import AlreadyExists
from kernelyard.model.principals import Role, TokenRecord
from kernelyard.stores.sql.database import Database
from kernelyard.stores.sql.tables import tokens


class SqlTokens:
    """``TokenStore`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, token: TokenRecord) -> None:
        statement = insert(tokens).values(
            id=token.id,
            name=token.name,
            role=token.role.value,
            sha256=token.sha256,
            created_at=token.created_at,
        )
        try:
            await self._database.write(lambda c: c.execute(statement))
        except IntegrityError as error:
            raise AlreadyExists from error

    async def by_hash(self, sha256: str) -> TokenRecord | None:
        query = select(tokens).where(tokens.c.sha256 == sha256)
        row = await self._database.read(lambda c: c.execute(query).one_or_none())
        return _token_of(row) if row else None

    async def all(self) -> list[TokenRecord]:
        query = select(tokens).order_by(tokens.c.name)
        rows = await self._database.read(lambda c: c.execute(query).all())
        return [_token_of(row) for row in rows]

    async def remove(self, token_id: str) -> bool:
        statement = delete(tokens).where(tokens.c.id == token_id)
        return bool(await self._database.write(lambda c: c.execute(statement).rowcount))


def _token_of(row: Row[Any]) -> TokenRecord:
    return TokenRecord(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        sha256=row.sha256,
        created_at=row.created_at,
    )
