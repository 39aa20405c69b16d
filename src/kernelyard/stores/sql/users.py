"""Users in SQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from kernelyard.model.errors import AlreadyExists, UserNotFound
from kernelyard.model.principals import Role, User, UserKind
from kernelyard.stores.sql.database import Database
from kernelyard.stores.sql.people_tables import users
from kernelyard.stores.sql.quota_tables import quotas
from kernelyard.stores.sql.rows import Values
from kernelyard.stores.sql.tables import choices, templates


class SqlUsers:
    """``UserStore`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, user: User) -> None:
        statement = insert(users).values(_values(user))
        try:
            await self._database.write(lambda c: c.execute(statement))
        except IntegrityError as error:
            raise AlreadyExists from error

    async def get(self, name: str) -> User:
        query = select(users).where(users.c.name == name)
        row = await self._database.read(lambda c: c.execute(query).one_or_none())
        if row is None:
            raise UserNotFound
        return _user_of(row)

    async def find(self, after: str | None, limit: int) -> list[User]:
        query = select(users).order_by(users.c.name).limit(limit)
        if after is not None:
            query = query.where(users.c.name > after)
        rows = await self._database.read(lambda c: c.execute(query).all())
        return [_user_of(row) for row in rows]

    async def replace(self, user: User) -> None:
        statement = update(users).where(users.c.name == user.name).values(_values(user))
        if not await self._database.write(lambda c: c.execute(statement).rowcount):
            raise UserNotFound

    async def remove(self, name: str) -> None:
        def work(connection: Connection) -> int:
            for table in (templates, choices, quotas):
                connection.execute(delete(table).where(table.c.owner == name))
            return connection.execute(delete(users).where(users.c.name == name)).rowcount

        if not await self._database.write(work):
            raise UserNotFound


def _values(user: User) -> Values:
    return {
        "name": user.name,
        "kind": user.kind.value,
        "role": user.role.value,
        "display_name": user.display_name,
        "disabled": user.disabled,
        "created_at": user.created_at,
    }


def _user_of(row: Row[Any]) -> User:
    return User(
        name=row.name,
        kind=UserKind(row.kind),
        role=Role(row.role),
        display_name=row.display_name,
        disabled=row.disabled,
        created_at=row.created_at,
    )
