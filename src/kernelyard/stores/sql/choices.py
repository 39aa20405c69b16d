"""Which image somebody has chosen for a notebook, in SQL."""

from __future__ import annotations

import hashlib
from importlib import import_module
from typing import Any

from sqlalchemy import Connection, delete, select

from kernelyard.model.quantities import Micros
from kernelyard.ports.named_stores import MOST_CHOICES
from kernelyard.stores.sql.database import Database
from kernelyard.stores.sql.tables import choices


class SqlChoices:
    """``ChoiceStore`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, owner: str, path: str, image: str, at: Micros) -> None:
        values = {"owner": owner, "path_sha256": _digest(path), "image": image, "at": at}
        newest = (
            select(choices.c.path_sha256)
            .where(choices.c.owner == owner)
            .order_by(choices.c.at.desc(), choices.c.path_sha256)
            .limit(MOST_CHOICES)
        )
        drop = delete(choices).where(choices.c.owner == owner, choices.c.path_sha256.not_in(newest))

        def work(connection: Connection) -> None:
            keep = _insert(connection)(choices).values(values)
            connection.execute(
                keep.on_conflict_do_update(
                    index_elements=["owner", "path_sha256"], set_={"image": image, "at": at}
                )
            )
            connection.execute(drop)

        await self._database.write(work)

    async def get(self, owner: str, path: str) -> str | None:
        query = select(choices.c.image).where(
            choices.c.owner == owner, choices.c.path_sha256 == _digest(path)
        )
        return await self._database.read(lambda c: c.execute(query).scalar_one_or_none())

    async def remove(self, owner: str, path: str) -> bool:
        statement = delete(choices).where(
            choices.c.owner == owner, choices.c.path_sha256 == _digest(path)
        )
        return bool(await self._database.write(lambda c: c.execute(statement).rowcount))


def _insert(connection: Connection) -> Any:
    """The dialect's own ``insert``. Only that one is loaded: PostgreSQL's is large."""
    return import_module(f"sqlalchemy.dialects.{connection.dialect.name}").insert


def _digest(path: str) -> str:
    return hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()
