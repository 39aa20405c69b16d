"""What administrators said about images, in SQL."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from kernelyard.model.errors import AlreadyExists
from kernelyard.model.images import ImageRecord
from kernelyard.stores.sql.database import Database
from kernelyard.stores.sql.rows import Values, json_text
from kernelyard.stores.sql.tables import images


class SqlImages:
    """``ImageStore`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, record: ImageRecord) -> None:
        statement = insert(images).values(_values(record))
        try:
            await self._database.write(lambda c: c.execute(statement))
        except IntegrityError as error:
            raise AlreadyExists from error

    async def put(self, record: ImageRecord) -> None:
        values = _values(record)

        def work(connection: Connection) -> None:
            change = update(images).where(images.c.name == record.name).values(values)
            if not connection.execute(change).rowcount:
                connection.execute(insert(images).values(values))

        await self._database.write(work)

    async def all(self) -> list[ImageRecord]:
        query = select(images).order_by(images.c.name)
        rows = await self._database.read(lambda c: c.execute(query).all())
        return [_record_of(row) for row in rows]

    async def remove(self, name: str) -> bool:
        statement = delete(images).where(images.c.name == name)
        return bool(await self._database.write(lambda c: c.execute(statement).rowcount))


def _values(record: ImageRecord) -> Values:
    return {
        "name": record.name,
        "reference": record.reference,
        "display_name": record.display_name,
        "disabled": record.disabled,
        "language": record.language or None,
        "labels": json_text(record.labels) if record.labels else None,
        "created_at": record.created_at,
        "updated_at": record.updated_at,
    }


def _record_of(row: Row[Any]) -> ImageRecord:
    return ImageRecord(
        name=row.name,
        reference=row.reference,
        display_name=row.display_name,
        disabled=row.disabled,
        language=row.language or "",
        labels=json.loads(row.labels) if row.labels else {},
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
