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
from kernelyard.stores.sql.kernels import key_values
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

COLUMNS = tuple(column.name for column in kernels.columns)
_Row: Any = make_dataclass("_Row", COLUMNS, slots=True)
_TRUTHS = [n for n, column in enumerate(kernels.columns) if isinstance(column.type, Boolean)]
_NEW = (*(name for name in COLUMNS if name != "no"),)
_KERNEL = f"SELECT {', '.join(COLUMNS)} FROM kernels "  # noqa: S608 - names of columns
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
    values = new_kernel_values(kernel) | key_values(idempotency)
    (no,) = driver.execute(_INSERT, [values.get(name) for name in _NEW]).fetchone()
    kept = replace(kernel, no=no)
    keep_labels(driver, kept)
    note_straight(driver, (no, kept.owner), [(None, [first_mark(kept)])])
    return kept


def read_kernel(driver: sqlite3.Connection, no: int) -> Kernel | None:
    """Return a kernel by its number."""
    return found_kernel(driver, _BY_NO, (no,))


def read_kernel_by_id(driver: sqlite3.Connection, kernel_id: str) -> Kernel | None:
    """Return a kernel that anybody may see."""
    return found_kernel(driver, _BY_ID, (kernel_id,))


def keep_kernel(driver: sqlite3.Connection, before: Kernel, after: Kernel) -> None:
    """Write down what is different about a kernel."""
    update_kernel(driver, after.no, changed_kernel_values(before, after))


def update_kernel(driver: sqlite3.Connection, no: int, values: Values) -> None:
    """Write columns of a kernel, if any are given."""
    if values:
        columns = ", ".join(f"{name} = ?" for name in values)
        driver.execute(f"UPDATE kernels SET {columns} WHERE no = ?", (*values.values(), no))  # noqa: S608


def keep_labels(driver: sqlite3.Connection, kernel: Kernel) -> None:
    """Keep the labels of a kernel that has none yet."""
    driver.executemany(_LABEL, [(*pair, kernel.no) for pair in kernel.labels.items()])


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


def found_kernel(driver: sqlite3.Connection, query: str, values: Sequence[object]) -> Kernel | None:
    """Return the kernel that a query for one finds, which asks for all ``COLUMNS``."""
    row = driver.execute(query, values).fetchone()
    if row is None:
        return None
    told = list(row)
    for place in _TRUTHS:
        told[place] = bool(told[place])
    return kernel_of(_Row(*told))
