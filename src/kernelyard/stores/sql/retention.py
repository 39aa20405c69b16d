"""What is kept of ended kernels in SQL, and the removal of their outputs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Select, bindparam, delete, func, select

from kernelyard.model.kernel_phases import Phase, Wanted
from kernelyard.model.quantities import Micros
from kernelyard.stores.sql.moves import keep_kernel, load_kernel
from kernelyard.stores.sql.rows import LARGEST_NUMBER, output_id
from kernelyard.stores.sql.tables import kernels, outputs

ROWS_AT_ONCE = 500
BYTES_AT_ONCE = 4 * 1024 * 1024
"""Large outputs are removed few at a time: the database walks through all that it frees."""
_FINAL = sorted(phase.value for phase in Phase if phase.is_final)
# In the words of the index that holds only these.
_KEPT = (kernels.c.ended_at.is_not(None), kernels.c.outputs_removed_at.is_(None))
_NOT_GOING = kernels.c.wanted != Wanted.GONE.value
KEPT_BYTES = select(func.coalesce(func.sum(kernels.c.stored_bytes), 0)).where(*_KEPT, _NOT_GOING)
HALF_REMOVED = (
    select(kernels)
    .where(kernels.c.outputs_removed_at.is_not(None), kernels.c.stored_bytes > 0)
    .order_by(kernels.c.no)
)
_PORTION = (
    select(outputs.c.id, func.length(outputs.c.body))
    .where(outputs.c.id.between(bindparam("first"), bindparam("last")))
    .order_by(outputs.c.id)
    .limit(ROWS_AT_ONCE)
)
_REMOVE = delete(outputs).where(outputs.c.id.between(bindparam("first"), bindparam("last")))


def kept_statement(limit: int, ended_by: Micros | None, newest: bool) -> Select[Any]:
    """Select ended kernels whose outputs are there."""
    query = select(kernels).where(*_KEPT, kernels.c.journal_closed, _NOT_GOING)
    if ended_by is not None:
        query = query.where(kernels.c.ended_at <= ended_by)
    order = kernels.c.ended_at.desc() if newest else kernels.c.ended_at
    return query.order_by(order).limit(limit)


def ended_statement(ended_by: Micros, limit: int) -> Select[Any]:
    """Select kernels that have ended, whatever is left of them."""
    return (
        select(kernels)
        .where(
            kernels.c.phase.in_(_FINAL),
            kernels.c.journal_closed,
            kernels.c.ended_at <= ended_by,
            _NOT_GOING,
        )
        .order_by(kernels.c.no)
        .limit(limit)
    )


def kept_bytes(connection: Connection) -> int:
    """Add up the outputs of ended kernels, but for those that are being deleted anyway."""
    return int(connection.execute(KEPT_BYTES).scalar_one())


def begin_removal(connection: Connection, no: int, at: Micros) -> bool:
    """Mark the outputs of an ended kernel as removed, before the first of them is."""
    kernel = load_kernel(connection, no)
    if kernel is None or not (kernel.phase.is_final and kernel.journal_closed):
        return False
    if kernel.outputs_removed_at is None:
        # Its size stays above zero until all are removed: so whoever comes after a crash finds it.
        size = max(kernel.stored_bytes, 1)
        keep_kernel(connection, kernel, replace(kernel, outputs_removed_at=at, stored_bytes=size))
    return True


def remove_portion(connection: Connection, no: int) -> bool:
    """Remove some of a kernel's outputs; return whether none are left."""
    kernel = load_kernel(connection, no)
    if kernel is None:
        return True
    bounds = {"first": output_id(no, 0), "last": output_id(no, LARGEST_NUMBER)}
    last, size = None, 0
    for key, length in connection.execute(_PORTION, bounds):
        size += length
        if last is not None and size > BYTES_AT_ONCE:
            break
        last = key
    if last is None:
        keep_kernel(connection, kernel, replace(kernel, stored_bytes=0))
        return True
    connection.execute(_REMOVE, {**bounds, "last": last})
    return False
