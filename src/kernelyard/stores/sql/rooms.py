"""Who uses how much, within one transaction, and the lock that lets in one after the other."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, literal_column, or_, select, text

from kernelyard.model.kernel_phases import Phase, Wanted
from kernelyard.model.quotas import Amounts, Asking, Resource, Room, Rules, Spare
from kernelyard.stores.sql.quota_tables import quotas
from kernelyard.stores.sql.tables import kernels

_FINAL = sorted(phase.value for phase in Phase if phase.is_final)
_DEMAND = (kernels.c.milli_cpu, kernels.c.memory_bytes, kernels.c.gpu)
# Given up in a pool, a kernel is in nobody's way, though it takes a moment to end.
_HOLDS = (
    kernels.c.unfinished,
    kernels.c.phase.not_in(_FINAL),
    kernels.c.admitted,
    or_(kernels.c.pool_no.is_(None), kernels.c.wanted == Wanted.RUN.value),
)
# By an expression: by the column itself SQLite would walk along an index of all kernels there ever were.
_OWNER = kernels.c.owner.op("||")(literal_column("''"))
USED = (
    select(_OWNER, func.count(), *(func.sum(column) for column in _DEMAND))
    .where(*_HOLDS)
    .group_by(_OWNER)
)
NOT_ADMITTED = (kernels.c.unfinished, ~kernels.c.admitted)
_LIVE = (kernels.c.wanted == Wanted.RUN.value, kernels.c.phase.not_in(_FINAL))
ASKING = (
    select(kernels.c.no, kernels.c.owner, kernels.c.reason, kernels.c.priority, *_DEMAND)
    .where(*NOT_ADMITTED, *_LIVE)
    .order_by(kernels.c.priority.desc(), kernels.c.no)
)
_SPARE = (
    select(kernels.c.no, *_DEMAND)
    .where(kernels.c.pool_no.is_not(None), kernels.c.live)
    .order_by(kernels.c.phase == Phase.READY.value, kernels.c.no.desc())
)
# Taken before any row is locked, so that nobody waits for each other in a circle.
_ONE_BY_ONE = text("SELECT pg_advisory_xact_lock(7738135580571267)")
_TASKS_ONE_BY_ONE = text("SELECT pg_advisory_xact_lock(7738135580571268)")


def wait_for_turn(connection: Connection, *, of_tasks: bool = False) -> None:
    """Let in one after the other, in all servers. SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(_TASKS_ONE_BY_ONE if of_tasks else _ONE_BY_ONE)


def said_of_users(connection: Connection) -> dict[str, Amounts]:
    """What is said of users, by name."""
    return {row.owner: amounts_of(row.limits) for row in connection.execute(select(quotas))}


def amounts_of(text: str) -> Amounts:
    """What is written down of a user, without what this program does not know."""
    known = {resource.value for resource in Resource}
    return {Resource(name): n for name, n in json.loads(text).items() if name in known}


def used_by_owner(
    connection: Connection, owner: str | None = None
) -> dict[str, dict[Resource, int]]:
    """What is held, by owner."""
    query = USED if owner is None else USED.where(kernels.c.owner == owner)
    return {row[0]: dict(_demand(row[1], row[2:])) for row in connection.execute(query)}


def room_of(connection: Connection, rules: Rules) -> Room:
    """What is used now. Under the lock it stays so, but for what ends."""
    return Room(rules, said_of_users(connection), used_by_owner(connection))


def asking_of(row: Any) -> Asking:
    """A row of ASKING."""
    return Asking(row.no, row.owner, _demand(1, (row.milli_cpu, row.memory_bytes, row.gpu)))


def spares_of(connection: Connection) -> list[Spare]:
    """What waits in pools, in the order in which it gives way."""
    return [Spare(no, _demand(1, rest)) for no, *rest in connection.execute(_SPARE)]


def _demand(number: int, rest: Any) -> Mapping[Resource, int]:
    cpu, memory, gpu = (int(amount or 0) for amount in rest)
    return {
        Resource.KERNELS: int(number),
        Resource.CPU: cpu,
        Resource.MEMORY: memory,
        Resource.GPU: gpu,
    }
