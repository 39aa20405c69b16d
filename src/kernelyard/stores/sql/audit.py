"""The audit trail in SQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, delete, insert, select

from kernelyard.model.audit import AuditEntry, AuditQuery
from kernelyard.model.paging import Page
from kernelyard.model.quantities import Micros
from kernelyard.stores.sql.database import Database
from kernelyard.stores.sql.people_tables import audit
from kernelyard.stores.sql.rows import Values, json_text

_WRITE = insert(audit)


class SqlAudit:
    """``AuditStore`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, entries: Sequence[AuditEntry]) -> None:
        rows = [audit_values(entry) for entry in entries]
        if rows:
            await self._database.write(lambda c: c.execute(_WRITE, rows))

    async def find(self, query: AuditQuery) -> Page[AuditEntry]:
        statement = audit_statement(query)
        rows = await self._database.read(lambda c: c.execute(statement).all())
        items = [_entry_of(row) for row in rows[: query.limit]]
        return Page(items, items[-1].no if len(rows) > query.limit else None)

    async def forget(self, before: Micros, limit: int) -> int:
        # The oldest have the smallest numbers; entries of one moment may stand a little out of order.
        first = select(audit.c.no, audit.c.at).order_by(audit.c.no).limit(limit).subquery()
        old = select(first.c.no).where(first.c.at < before)
        statement = delete(audit).where(audit.c.no.in_(old))
        return int(await self._database.write(lambda c: c.execute(statement).rowcount))


def audit_statement(query: AuditQuery) -> Select[Any]:
    """Select one entry more than the page has, newest first."""
    statement = select(audit).order_by(audit.c.no.desc()).limit(query.limit + 1)
    for column, value in (
        (audit.c.user, query.user),
        (audit.c.action, query.action),
        (audit.c.subject, query.subject),
    ):
        if value is not None:
            statement = statement.where(column == value)
    if query.since is not None:
        statement = statement.where(audit.c.at >= query.since)
    if query.before is not None:
        statement = statement.where(audit.c.no < query.before)
    return statement


def audit_values(entry: AuditEntry) -> Values:
    """A new entry as a row; its number is the database's to give."""
    return {
        "at": entry.at,
        "user": entry.user,
        "token_id": entry.token_id,
        "address": entry.address,
        "action": str(entry.action),
        "subject": entry.subject,
        "details": json_text(entry.details),
    }


def _entry_of(row: Row[Any]) -> AuditEntry:
    return AuditEntry(
        no=row.no,
        at=row.at,
        user=row.user,
        token_id=row.token_id,
        address=row.address,
        action=row.action,
        subject=row.subject,
        details=json.loads(row.details),
    )
