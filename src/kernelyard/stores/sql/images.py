"""What administrators said about images, in SQL."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select, update

from kernelyard.model.images import ImageRecord
from kernelyard.stores.sql.database import Database
from kernelyard.stores.sql.tables import images


class SqlImages:
    """``ImageStore`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, record: ImageRecord) -> None:
        values = {
            "name": record.name,
            "reference": record.reference,
            "display_name": record.display_name,
            "disabled": record.disabled,
            "created_at": record.created_at,
            "updated_at": record.updated_at,
        }

        def work(connection: Connection) -> None:
            change = update(images).where(images.c.name == record.name).values(values)
            if not connection.execute(change).rowcount:
                connection.execute(insert(images).values(values))

        await self._database.write(work)

    async def all(self) -> list[ImageRecord]:
        query = select(images).order_by(images.c.name)
        rows = await self._database.read(lambda c: c.execute(query).all())
        return [ImageRecord(**row._asdict()) for row in rows]

    async def remove(self, name: str) -> bool:
        statement = delete(images).where(images.c.name == name)
        return bool(await self._database.write(lambda c: c.execute(statement).rowcount))
