"""Templates and images in SQLite: read once and kept, for nobody but this server writes them.

Every create asks for them, and they hardly ever change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Generic, TypeVar

from kernelyard.model.images import ImageRecord
from kernelyard.model.templates import Template
from kernelyard.stores.sql.images import SqlImages
from kernelyard.stores.sql.sqlite import SqliteDatabase
from kernelyard.stores.sql.templates import SqlTemplates
from kernelyard.stores.sql.users import SqlUsers

T = TypeVar("T")
V = TypeVar("V")
MOST = 1000
"""Facts that are kept at once."""


class Kept(Generic[V]):
    """What was read, until something is written."""

    def __init__(self) -> None:
        self._facts: dict[str, V] = {}
        self._version = 0
        self._writing = 0

    async def read(self, key: str, reading: Callable[[], Coroutine[object, object, V]]) -> V:
        """Return what is kept under ``key``, or else what ``reading`` returns; what it raises is not kept."""
        kept = self._facts.get(key)
        if kept is not None:
            return kept
        version = self._version
        found = await reading()
        if version == self._version and not self._writing:
            if len(self._facts) >= MOST:
                self._facts.clear()
            self._facts[key] = found
        return found

    async def write(self, writing: Coroutine[object, object, T]) -> T:
        """Write, and keep nothing that was read before or meanwhile.

        Cancelled, it is done nevertheless; then what is read meanwhile is not kept either.
        """
        self._writing += 1
        work = asyncio.ensure_future(writing)
        work.add_done_callback(self._written)
        self._forget()
        return await asyncio.shield(work)

    def _written(self, work: asyncio.Future[T]) -> None:
        self._writing -= 1
        self._forget()
        if not work.cancelled():
            work.exception()

    def _forget(self) -> None:
        self._version += 1
        self._facts.clear()


class SqliteTemplates(SqlTemplates):
    """``TemplateStore`` in SQLite."""

    def __init__(self, database: SqliteDatabase) -> None:
        super().__init__(database)
        self._kept: Kept[Template] = Kept()

    async def insert(self, template: Template) -> None:
        await self._kept.write(super().insert(template))

    async def get(self, name: str) -> Template:
        return await self._kept.read(name, lambda: super(SqliteTemplates, self).get(name))

    async def replace(self, template: Template) -> None:
        await self._kept.write(super().replace(template))

    async def remove(self, name: str) -> None:
        await self._kept.write(super().remove(name))

    async def written_by(self, writing: Coroutine[object, object, T]) -> T:
        """Do a write of somebody else that takes templates along; keep nothing that was read before."""
        return await self._kept.write(writing)


class SqliteUsers(SqlUsers):
    """``UserStore`` in SQLite: with a user his templates go, those that are kept, too."""

    def __init__(self, database: SqliteDatabase, templates: SqliteTemplates) -> None:
        super().__init__(database)
        self._templates = templates

    async def remove(self, name: str) -> None:
        await self._templates.written_by(super().remove(name))


class SqliteImages(SqlImages):
    """``ImageStore`` in SQLite."""

    def __init__(self, database: SqliteDatabase) -> None:
        super().__init__(database)
        self._kept: Kept[list[ImageRecord]] = Kept()

    async def insert(self, record: ImageRecord) -> None:
        await self._kept.write(super().insert(record))

    async def put(self, record: ImageRecord) -> None:
        await self._kept.write(super().put(record))

    async def all(self) -> list[ImageRecord]:
        return list(await self._kept.read("all", super().all))

    async def remove(self, name: str) -> bool:
        return await self._kept.write(super().remove(name))
