"""A kernel that is made, read or moved by its records, straight on SQLite's driver; see ``straight``."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import make_dataclass, replace
from typing import Any

from sqlalchemy import Boolean

from kernelyard.model.kernel_phases import Wanted
from kernelyard.model.kernels import Kernel
from kernelyard.ports.stores import Idempotency
from kernelyard.stores.sql.moves import Run
from kernelyard.stores.sql.rows import (
    Values,
    changed_kernel_values,
    kernel_of,
    new_kernel_values,
    plain,
)
from kernelyard.stores.sql.tables import kernels
from kernelyard.stores.transitions import first_mark, in_order

_COLUMNS = tuple(column.name for column in kernels.columns)
_Row: Any = make_dataclass("_Row", _COLUMNS, slots=True)
_TRUTHS = [n for n, column in enumerate(kernels.columns) if isinstance(column.type, Boolean)]
_NEW = (*(name for name in _COLUMNS if name != "no"),)
_KERNEL = f"SELECT {', '.join(_COLUMNS)} FROM kernels "  # noqa: S608 - names of columns
_BY_NO = _KERNEL + "WHERE no = ?"
_BY_ID = _KERNEL + f"WHERE id = ? AND wanted != '{Wanted.GONE.value}' AND pool_no IS NULL"
_NAME_TAKEN = "SELECT 1 FROM kernels WHERE live = 1 AND owner = ? AND name = ?"
_KEY_TAKEN = "SELECT 1 FROM kernels WHERE owner = ? AND idempotency_key = ?"
_INSERT = (
    f"INSERT INTO kernels ({', '.join(_NEW)}) VALUES ({', '.join('?' * len(_NEW))}) "  # noqa: S608
    "RETURNING no"
)
_LABEL = "INSERT INTO kernel_labels (key, value, no) VALUES (?, ?, ?)"
_NOTE = (
    "INSERT INTO changes (at, kernel_no, owner, task_no, state, reason, cause) "
    "VALUES (?, ?, ?, ?, ?, ?, ?)"
)


def is_in_the_way(
    driver: sqlite3.Connection, kernel: Kernel, idempotency: Idempotency | None
) -> bool:
    """Whether there may be a kernel beside which a new one cannot be."""
    if kernel.identity is not None or kernel.external_id is not None:
        return True
    asked = [(_NAME_TAKEN, kernel.name), (_KEY_TAKEN, idempotency.key if idempotency else None)]
    return any(
        value is not None and driver.execute(query, (kernel.owner, value)).fetchone() is not None
        for query, value in asked
    )


def insert_kernel(
    driver: sqlite3.Connection, kernel: Kernel, idempotency: Idempotency | None
) -> Kernel:
    """Keep a new kernel that nothing is in the way of; return it with its number."""
    values = new_kernel_values(kernel)
    if idempotency is not None:
        values["idempotency_key"] = idempotency.key
        values["idempotency_digest"] = idempotency.digest
    (no,) = driver.execute(_INSERT, [values.get(name) for name in _NEW]).fetchone()
    driver.executemany(_LABEL, [(*pair, no) for pair in kernel.labels.items()])
    kept = replace(kernel, no=no)
    note_straight(driver, (no, kept.owner), [(None, [first_mark(kept)])])
    return kept


def read_kernel(driver: sqlite3.Connection, no: int) -> Kernel | None:
    """Return a kernel by its number."""
    return _found(driver, _BY_NO, no)


def read_kernel_by_id(driver: sqlite3.Connection, kernel_id: str) -> Kernel | None:
    """Return a kernel that anybody may see."""
    return _found(driver, _BY_ID, kernel_id)


def keep_kernel(driver: sqlite3.Connection, before: Kernel, after: Kernel) -> None:
    """Write down what is different about a kernel."""
    values: Values = changed_kernel_values(before, after)
    if values:
        columns = ", ".join(f"{name} = ?" for name in values)
        driver.execute(f"UPDATE kernels SET {columns} WHERE no = ?", (*values.values(), after.no))  # noqa: S608


def note_straight(driver: sqlite3.Connection, kernel: tuple[int, str], runs: Sequence[Run]) -> None:
    """Write down marks of a kernel, told by its number and owner, and of its tasks, in order of time."""
    no, owner = kernel
    driver.executemany(
        _NOTE,
        [
            (mark.at, no, owner, task_no, str(mark.state), plain(mark.reason), mark.cause)
            for task_no, mark in in_order(runs)
        ],
    )


def _found(driver: sqlite3.Connection, query: str, value: object) -> Kernel | None:
    row = driver.execute(query, (value,)).fetchone()
    if row is None:
        return None
    values = list(row)
    for place in _TRUTHS:
        values[place] = bool(values[place])
    return kernel_of(_Row(*values))
