"""Lists, newest first, whose cost does not grow with what is kept.

A list that is narrowed by state is put together from one short run per state, each read backwards
along an index that ends with the row's number. So it costs the same with a hundred rows and with a
million, whichever states are rare.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, false, select, union_all

Conditions = list[ColumnElement[bool]]


def newest(
    table: Table,
    conditions: Conditions,
    *,
    column: str,
    values: Iterable[str] | None,
    before: int | None,
    limit: int,
) -> Select[Any]:
    """Select the ``limit`` newest rows, all of whose ``column`` is one of ``values`` if given."""
    narrowed = list(conditions)
    if before is not None:
        narrowed.append(table.c.no < before)
    newest_first = select(table).order_by(table.c.no.desc()).limit(limit)
    if values is None:
        return newest_first.where(*narrowed)
    runs = [
        select(table.c.no)
        .where(*narrowed, table.c[column] == value)
        .order_by(table.c.no.desc())
        .limit(limit)
        .subquery()
        for value in sorted(values)
    ]
    if not runs:
        return newest_first.where(false())
    return newest_first.where(table.c.no.in_(union_all(*(select(run.c.no) for run in runs))))


def having(table: Table, label_table: Table, labels: Mapping[str, str]) -> Conditions:
    """The conditions that a row has all of ``labels``; each is one look at the labels' key."""
    conditions: Conditions = []
    for key, value in labels.items():
        also = label_table.alias()
        conditions.append(
            select(also.c.no)
            .where(also.c.key == key, also.c.value == value, also.c.no == table.c.no)
            .exists()
        )
    return conditions


def labelled(
    table: Table,
    label_table: Table,
    labels: Mapping[str, str],
    conditions: Conditions,
    *,
    before: int | None,
    limit: int,
) -> Select[Any]:
    """Select the ``limit`` newest rows that have all of ``labels``, at least one."""
    (key, value), *others = labels.items()
    query = (
        select(table)
        .join(label_table, label_table.c.no == table.c.no)
        .where(label_table.c.key == key, label_table.c.value == value, *conditions)
        .order_by(label_table.c.no.desc())
        .limit(limit)
    )
    query = query.where(*having(table, label_table, dict(others)))
    return query if before is None else query.where(label_table.c.no < before)
