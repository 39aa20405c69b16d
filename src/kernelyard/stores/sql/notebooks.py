"""Notebook specs in SQL."""

from __future__ import annotations

from dataclasses import asdict

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from kernelyard.model.errors import AlreadyExists, NotebookSpecNotFound
from kernelyard.model.notebook_specs import NotebookSpec
from kernelyard.stores.sql.database import Database
from kernelyard.stores.sql.tables import notebook_specs


class SqlNotebookSpecs:
    """``NotebookSpecStore`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, spec: NotebookSpec) -> None:
        statement = insert(notebook_specs).values(asdict(spec))
        try:
            await self._database.write(lambda c: c.execute(statement))
        except IntegrityError as error:
            raise AlreadyExists from error

    async def get(self, name: str) -> NotebookSpec:
        query = select(notebook_specs).where(notebook_specs.c.name == name)
        row = await self._database.read(lambda c: c.execute(query).one_or_none())
        if row is None:
            raise NotebookSpecNotFound
        return NotebookSpec(**row._asdict())

    async def all(self) -> list[NotebookSpec]:
        query = select(notebook_specs).order_by(notebook_specs.c.name)
        rows = await self._database.read(lambda c: c.execute(query).all())
        return [NotebookSpec(**row._asdict()) for row in rows]

    async def replace(self, spec: NotebookSpec) -> None:
        change = update(notebook_specs).where(notebook_specs.c.name == spec.name)
        statement = change.values(asdict(spec))
        if not await self._database.write(lambda c: c.execute(statement).rowcount):
            raise NotebookSpecNotFound

    async def remove(self, name: str) -> None:
        statement = delete(notebook_specs).where(notebook_specs.c.name == name)
        if not await self._database.write(lambda c: c.execute(statement).rowcount):
            raise NotebookSpecNotFound
