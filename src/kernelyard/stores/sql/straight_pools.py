"""A create that takes a kernel out of a pool, straight on SQLite's driver; see ``straight``."""

from __future__ import annotations

import sqlite3

from kernelyard.model.kernel_phases import Phase
from kernelyard.model.kernels import Kernel
from kernelyard.model.pools import Claim
from kernelyard.ports.stores import Idempotency
from kernelyard.stores.sql.kernels import key_values
from kernelyard.stores.sql.rows import claimed_kernel_values
from kernelyard.stores.sql.straight_kernels import (
    COLUMNS,
    found_kernel,
    is_in_the_way,
    keep_labels,
    note_straight,
    update_kernel,
)
from kernelyard.stores.transitions import can_take_up, claiming

_READY = (
    f"SELECT {', '.join(COLUMNS)} FROM kernels WHERE pool_no = ? AND live = 1 "  # noqa: S608
    f"AND phase = '{Phase.READY.value}' AND pool_digest = ? AND attempt = 1 AND ran_attempt = 1 "
    "ORDER BY no LIMIT 1"
)
_COUNT = "UPDATE pools SET claimed = claimed + 1, demanded_at = ? WHERE no = ?"


class NoneReady(Exception):
    """There is no kernel that could be taken, or something is in the way. Nothing was written."""


def claim_kernel(
    driver: sqlite3.Connection, kernel: Kernel, claim: Claim, idempotency: Idempotency | None
) -> Kernel:
    """Give a kernel that waits to whoever has ordered one. Raises NoneReady."""
    if is_in_the_way(driver, kernel, idempotency):
        raise NoneReady
    found = _found(driver, claim)
    if found is None or (claim.applies and not can_take_up(found)):
        raise NoneReady
    claimed, marks = claiming(found, kernel, kernel.created_at)
    update_kernel(driver, claimed.no, claimed_kernel_values(claimed) | key_values(idempotency))
    keep_labels(driver, claimed)
    driver.execute(_COUNT, (kernel.created_at, found.pool_no))
    note_straight(driver, (claimed.no, claimed.owner), [(None, marks)])
    return claimed


def _found(driver: sqlite3.Connection, claim: Claim) -> Kernel | None:
    for pool_no in claim.pools:
        found = found_kernel(driver, _READY, (pool_no, claim.digest))
        if found is not None:
            return found
    return None
