"""Events in SQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Select, bindparam, select, text

from kernelyard.model.kernels import StateChange
from kernelyard.model.sightings import Sighting
from kernelyard.stores.sql.database import Database
from kernelyard.stores.sql.moves import IN_ORDER
from kernelyard.stores.sql.sightings import sight
from kernelyard.stores.sql.tables import GONE, changes, kernels, tasks

_GONE = select(kernels.c.no).where(text(GONE))
# The largest number given, not the largest there: that of a removed kernel counts, too.
_LAST = {
    "sqlite": text("SELECT max(seq) FROM sqlite_sequence WHERE name = 'changes'"),
    "postgresql": text(
        "SELECT pg_sequence_last_value(pg_get_serial_sequence('changes', 'number')::regclass)"
    ),
}
# Whoever was given numbers before has committed then, or never will.
_AFTER_WRITERS = text(f"SELECT pg_advisory_xact_lock_shared({IN_ORDER})")


def events_statement(*, by_owner: bool, by_kernel: bool) -> Select[Any]:
    """Select events in order of their number, along the index that ends with it."""
    query = (
        select(
            changes.c.number,
            changes.c.at,
            kernels.c.id,
            tasks.c.id,
            changes.c.state,
            changes.c.reason,
            changes.c.cause,
        )
        .join_from(changes, kernels, kernels.c.no == changes.c.kernel_no)
        .outerjoin(tasks, tasks.c.no == changes.c.task_no)
        .where(changes.c.number > bindparam("after"), changes.c.kernel_no.not_in(_GONE))
        .order_by(changes.c.number)
        .limit(bindparam("most"))
    )
    if by_kernel:
        query = query.where(changes.c.kernel_no == bindparam("kernel_no"))
    if by_owner:
        # Of one kernel, all have the same owner: his index would lead through his other kernels.
        whose = kernels.c.owner if by_kernel else changes.c.owner
        query = query.where(whose == bindparam("owner"))
    return query


_IMAGES = (
    select(changes.c.number, changes.c.at, changes.c.state, changes.c.reason, changes.c.image)
    .where(changes.c.kernel_no.is_(None), changes.c.number > bindparam("after"))
    .order_by(changes.c.number)
    .limit(bindparam("most"))
)
# Building a statement costs more than running it.
_READ = {
    (by_owner, by_kernel): events_statement(by_owner=by_owner, by_kernel=by_kernel)
    for by_owner in (False, True)
    for by_kernel in (False, True)
}


class SqlEvents:
    """``EventStore`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(
        self,
        after: int,
        *,
        owner: str | None = None,
        kernel_no: int | None = None,
        images_only: bool = False,
        limit: int = 1000,
    ) -> list[StateChange]:
        query = _READ[owner is not None, kernel_no is not None]
        values: dict[str, object] = {"after": after, "most": limit}
        if owner is not None:
            values["owner"] = owner
        if kernel_no is not None:
            values["kernel_no"] = kernel_no

        def work(connection: Connection) -> list[StateChange]:
            found: list[StateChange] = []
            if not images_only:
                found += map(_change_of, connection.execute(query, values))
            if kernel_no is None:
                # A question of its own: it is answered at once, and leaves the other one its index.
                asked = {"after": after, "most": limit}
                found += map(_image_change_of, connection.execute(_IMAGES, asked))
                found.sort(key=lambda change: change.number)
            return found[:limit]

        return await self._database.read(work)

    async def sight(self, sighting: Sighting) -> int:
        return await self._database.write(lambda c: sight(c, sighting))

    async def last(self) -> int:
        return await self._database.read(_last)


def _change_of(row: Any) -> StateChange:
    number, at, kernel_id, task_id, state, reason, cause = row
    return StateChange(
        number=number,
        at=at,
        kernel_id=kernel_id,
        task_id=task_id,
        state=state,
        reason=reason,
        cause=cause,
    )


def _image_change_of(row: Any) -> StateChange:
    number, at, state, reason, image = row
    return StateChange(
        number=number,
        at=at,
        kernel_id=None,
        task_id=None,
        state=state,
        reason=reason,
        image=image,
    )


def _last(connection: Connection) -> int:
    if connection.dialect.name == "postgresql":
        connection.execute(_AFTER_WRITERS)
    return connection.execute(_LAST[connection.dialect.name]).scalar_one() or 0
