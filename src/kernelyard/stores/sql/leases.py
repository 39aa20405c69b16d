"""Leases in SQL: each claim is one statement, so of several servers one gets the kernel."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import BigInteger, Connection, String, TextClause, bindparam, delete, text

from kernelyard.ports.stores import Lease
from kernelyard.stores.sql.database import Database
from kernelyard.stores.sql.tables import leases

_FREE = "{unfinished} AND (leases.kernel_no IS NULL OR leases.until <= {now})"
# One's own may be claimed again: it may be on its way back to nobody.
_FREE_OR_OWN = (
    "kernels.no = :kernel_no AND {unfinished} "
    "AND (leases.kernel_no IS NULL OR leases.until <= {now} OR leases.holder = :holder)"
)
# Whoever inserts the same row second waits for the first, then looks again whether it has run out.
_CLAIM = (
    "INSERT INTO leases (kernel_no, holder, until) "
    "SELECT kernels.no, :holder, {now} + :micros "
    "FROM kernels LEFT JOIN leases ON leases.kernel_no = kernels.no "
    "WHERE {which} ORDER BY kernels.no LIMIT :most {lock} "
    "ON CONFLICT (kernel_no) DO UPDATE SET holder = excluded.holder, until = excluded.until "
    "WHERE leases.until <= {now} OR leases.holder = excluded.holder "
    "RETURNING kernel_no"
)
_UNFINISHED = {"sqlite": "kernels.unfinished = 1", "postgresql": "kernels.unfinished"}
_NOW = {
    "sqlite": ":now",
    # The server's own clock, and not that of the transaction's begin: it may have waited since.
    "postgresql": "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint",
}


def _bound(words: str, *names: str) -> TextClause:
    numbers = (name for name in (*names, "now", "micros") if f":{name}" in words)
    return text(words).bindparams(
        bindparam("holder", type_=String),
        *(bindparam(name, type_=BigInteger) for name in numbers),
    )


def _of_each(which: str, lock: str) -> dict[str, TextClause]:
    statements: dict[str, TextClause] = {}
    for dialect, now in _NOW.items():
        words = which.format(now=now, unfinished=_UNFINISHED[dialect])
        held = lock if dialect == "postgresql" else ""
        claim = _CLAIM.format(now=now, which=words, lock=held)
        statements[dialect] = _bound(claim, "most", "kernel_no")
    return statements


# A kernel that is just being removed is let alone. Whoever wants many passes over those at which
# somebody works; their turn comes with the next claim.
_CLAIM_SOME = _of_each(_FREE, "FOR KEY SHARE OF kernels SKIP LOCKED")
_CLAIM_ONE = _of_each(_FREE_OR_OWN, "FOR KEY SHARE OF kernels")
# In one order, so that two who prolong and claim the same rows do not wait for each other in a circle.
_RENEW_OWN = (
    "UPDATE leases SET until = {now} + :micros WHERE kernel_no IN "
    "(SELECT kernel_no FROM leases WHERE holder = :holder ORDER BY kernel_no {lock}) "
    "RETURNING kernel_no"
)
_LOCK = {"sqlite": "", "postgresql": "FOR UPDATE"}
_RENEW = {
    dialect: _bound(_RENEW_OWN.format(now=now, lock=_LOCK[dialect]))
    for dialect, now in _NOW.items()
}


class SqlLeases:
    """``LeaseStore`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, lease: Lease, limit: int) -> list[int]:
        return await self._database.write(
            lambda c: _numbers(c, _CLAIM_SOME, lease, {"most": limit})
        )

    async def claim_one(self, lease: Lease, kernel_no: int) -> bool:
        asked = {"most": 1, "kernel_no": kernel_no}
        return bool(await self._database.write(lambda c: _numbers(c, _CLAIM_ONE, lease, asked)))

    async def renew(self, lease: Lease) -> list[int]:
        return await self._database.write(lambda c: _numbers(c, _RENEW, lease, {}))

    async def release(self, holder: str, kernel_no: int | None = None) -> None:
        given_back = delete(leases).where(leases.c.holder == holder)
        if kernel_no is not None:
            given_back = given_back.where(leases.c.kernel_no == kernel_no)
        await self._database.write(lambda c: c.execute(given_back))


def _numbers(
    connection: Connection,
    statements: Mapping[str, TextClause],
    lease: Lease,
    asked: Mapping[str, int],
) -> list[int]:
    dialect = connection.dialect.name
    values: dict[str, object] = {"holder": lease.holder, "micros": lease.micros, **asked}
    if ":now" in _NOW[dialect]:
        values["now"] = lease.now
    return sorted(connection.execute(statements[dialect], values).scalars())
