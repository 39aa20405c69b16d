"""Templates in SQL."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from kernelyard.model.errors import AlreadyExists, TemplateNotFound
from kernelyard.model.principals import Role
from kernelyard.model.templates import Template
from kernelyard.stores.sql.database import Database
from kernelyard.stores.sql.people_tables import users
from kernelyard.stores.sql.rows import Values, json_text, spec_of
from kernelyard.stores.sql.tables import templates

_ADMINISTRATORS = select(users.c.name).where(users.c.role == Role.ADMIN.value)
_SHARED = or_(templates.c.owner == "", templates.c.owner.in_(_ADMINISTRATORS))


class SqlTemplates:
    """``TemplateStore`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, template: Template) -> None:
        statement = insert(templates).values(_values(template))
        try:
            await self._database.write(lambda c: c.execute(statement))
        except IntegrityError as error:
            raise AlreadyExists from error

    async def get(self, name: str) -> Template:
        query = select(templates).where(templates.c.name == name)
        row = await self._database.read(lambda c: c.execute(query).one_or_none())
        if row is None:
            raise TemplateNotFound
        return _template_of(row)

    async def find(
        self, after: str | None, limit: int, seen_by: str | None = None
    ) -> list[Template]:
        query = select(templates).order_by(templates.c.name).limit(limit)
        if seen_by is not None:
            query = query.where(or_(templates.c.owner == seen_by, _SHARED))
        if after is not None:
            query = query.where(templates.c.name > after)
        rows = await self._database.read(lambda c: c.execute(query).all())
        return [_template_of(row) for row in rows]

    async def is_shared(self, name: str) -> bool:
        query = select(_SHARED).where(templates.c.name == name)
        shared = await self._database.read(lambda c: c.execute(query).scalar_one_or_none())
        if shared is None:
            raise TemplateNotFound
        return bool(shared)

    async def replace(self, template: Template) -> None:
        change = update(templates).where(templates.c.name == template.name)
        statement = change.values(_values(template))
        if not await self._database.write(lambda c: c.execute(statement).rowcount):
            raise TemplateNotFound

    async def remove(self, name: str) -> None:
        statement = delete(templates).where(templates.c.name == name)
        if not await self._database.write(lambda c: c.execute(statement).rowcount):
            raise TemplateNotFound


def _values(template: Template) -> Values:
    return {
        "name": template.name,
        "display_name": template.display_name,
        "owner": template.owner,
        "spec": json_text(asdict(template.spec)),
        "disabled": template.disabled,
        "labels": json_text(template.labels) if template.labels else None,
        "created_at": template.created_at,
        "updated_at": template.updated_at,
    }


def _template_of(row: Row[Any]) -> Template:
    return Template(
        name=row.name,
        display_name=row.display_name,
        owner=row.owner,
        spec=spec_of(json.loads(row.spec)),
        disabled=row.disabled,
        labels=json.loads(row.labels) if row.labels else {},
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
