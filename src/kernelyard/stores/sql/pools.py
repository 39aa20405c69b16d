"""Pools in SQL, and the kernels that wait in them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from kernelyard.model.kernel_phases import Phase, Wanted
from kernelyard.model.kernels import Kernel
from kernelyard.model.pools import Claim, Pool, calmed, demanded, resized
from kernelyard.model.quantities import Micros
from kernelyard.model.quotas import Rules, demand_of, room_for_spare
from kernelyard.ports.stores import Idempotency
from kernelyard.stores.sql.database import Database
from kernelyard.stores.sql.kernels import (
    existing_kernel,
    insert_kernel,
    keep_labels,
    key_values,
)
from kernelyard.stores.sql.moves import keep_kernel, load_kernel, note
from kernelyard.stores.sql.rooms import ASKING, asking_of, room_of, wait_for_turn
from kernelyard.stores.sql.rows import Values, claimed_kernel_values, kernel_of, plain
from kernelyard.stores.sql.tables import kernels, pools
from kernelyard.stores.transitions import can_take_up, claiming, wanting

_POOL = select(pools).where(pools.c.no == bindparam("no"))
_SAME = select(pools).where(
    pools.c.owner == bindparam("owner"),
    pools.c.image == bindparam("image"),
    pools.c.template == bindparam("template"),
)
_KEEP = update(pools).where(pools.c.no == bindparam("pool"))
_GIVE = update(kernels).where(kernels.c.no == bindparam("kernel"))
_WAITING = (kernels.c.pool_no.is_not(None), kernels.c.wanted != Wanted.GONE.value)
_OF_POOL = kernels.c.pool_no == bindparam("pool_no")
_LIVE = select(func.count()).select_from(kernels).where(_OF_POOL, kernels.c.live)
# Whoever claims at the same moment passes over what another one is just taking.
_READY = (
    select(kernels)
    .where(
        _OF_POOL,
        kernels.c.live,
        kernels.c.phase == Phase.READY.value,
        kernels.c.pool_digest == bindparam("digest"),
        kernels.c.attempt == 1,
        kernels.c.ran_attempt == 1,
    )
    .order_by(kernels.c.no)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_SPARE = (
    select(kernels)
    .where(kernels.c.pool_no.is_not(None), kernels.c.live)
    .order_by(kernels.c.phase == Phase.READY.value, kernels.c.no.desc())
    .limit(1)
    .with_for_update(skip_locked=True)
)


class SqlPools:
    """``PoolStore`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, pool: Pool) -> Pool:
        return await self._database.write(lambda c: _put(c, pool))

    async def refer(self, no: int, reference: str) -> None:
        values = {"pool": no, "reference": reference}
        await self._database.write(lambda c: c.execute(_KEEP, values))

    async def all(self) -> list[Pool]:
        query = select(pools).order_by(pools.c.no)
        return await self._database.read(lambda c: [_pool_of(row) for row in c.execute(query)])

    async def remove(self, no: int, at: Micros) -> list[int]:
        del at
        query = select(kernels.c.no).where(kernels.c.pool_no == no, *_WAITING)

        def waiting(connection: Connection) -> list[int]:
            found = connection.execute(query.order_by(kernels.c.no)).scalars().all()
            return [one for one in found if give_up(connection, one)]

        def work(connection: Connection) -> list[int]:
            # Kernels before the pool, as whoever claims does; then those admitted meanwhile.
            given_up = waiting(connection)
            connection.execute(delete(pools).where(pools.c.no == no))
            return given_up + waiting(connection)

        return await self._database.write(work)

    async def explain(self, no: int, reason: str | None) -> None:
        values = {"pool": no, "reason": plain(reason)}
        await self._database.write(lambda c: c.execute(_KEEP, values))

    async def calm(self, no: int, now: Micros) -> Pool | None:
        def work(connection: Connection) -> Pool | None:
            pool = _load(connection, no)
            return None if pool is None else _keep(connection, pool, calmed(pool, now))

        return await self._database.write(work)

    async def waiting(self) -> list[Kernel]:
        query = select(kernels).where(*_WAITING).order_by(kernels.c.no)
        return await self._database.read(lambda c: [kernel_of(row) for row in c.execute(query)])

    async def admit(self, kernel: Kernel, rules: Rules | None = None) -> Kernel | None:
        def work(connection: Connection) -> Kernel | None:
            if rules is not None and not _has_room(connection, kernel, rules):
                return None
            pool = _load(connection, kernel.pool_no or 0)
            if pool is None:
                return None
            live = connection.execute(_LIVE, {"pool_no": pool.no}).scalar_one()
            return insert_kernel(connection, kernel, None) if live < pool.target else None

        return await self._database.write(work)

    async def give_up(self, no: int, at: Micros) -> bool:
        del at
        return await self._database.write(lambda c: give_up(c, no))

    async def make_room(self, at: Micros) -> int | None:
        del at

        def work(connection: Connection) -> int | None:
            row = connection.execute(_SPARE).one_or_none()
            return row.no if row is not None and give_up(connection, row.no) else None

        return await self._database.write(work)

    async def claim(
        self,
        kernel: Kernel,
        claim: Claim,
        idempotency: Idempotency | None,
        rules: Rules | None = None,
    ) -> tuple[Kernel, bool] | None:
        return await self._database.write(lambda c: _claim(c, kernel, claim, idempotency, rules))


def _put(connection: Connection, pool: Pool) -> Pool:
    same = {"owner": pool.owner, "image": pool.image, "template": pool.template}
    row = connection.execute(_SAME.with_for_update(), same).one_or_none()
    if row is None:
        made = connection.execute(insert(pools).returning(pools.c.no), _values(pool))
        return replace(pool, no=made.scalar_one())
    kept = _pool_of(row)
    again = resized(kept, pool.size, pool.least, pool.most, pool.updated_at)
    again = replace(again, reference=pool.reference, declared=pool.declared, reason=None)
    return _keep(connection, kept, again)


def _has_room(connection: Connection, kernel: Kernel, rules: Rules) -> bool:
    """Whether one more may wait in a pool. Not where somebody waits for the same himself."""
    wait_for_turn(connection)
    askings = [asking_of(row) for row in connection.execute(ASKING)]
    return room_for_spare(room_of(connection, rules), askings, demand_of(kernel.template.spec))


def _may_have(connection: Connection, kernel: Kernel, rules: Rules) -> bool:
    """Whether a kernel's owner may have one more at once. The server has it already."""
    if any(row.owner == kernel.owner for row in connection.execute(ASKING)):
        return False
    demand = demand_of(kernel.template.spec)
    return not room_of(connection, rules).lacking(kernel.owner, demand)


def _claim(
    connection: Connection,
    kernel: Kernel,
    claim: Claim,
    idempotency: Idempotency | None,
    rules: Rules | None,
) -> tuple[Kernel, bool] | None:
    if rules is not None:
        wait_for_turn(connection)
    made = existing_kernel(connection, kernel, idempotency)
    if made is not None:
        return made, False
    if rules is not None and not _may_have(connection, kernel, rules):
        return None
    found = _found(connection, claim)
    at = kernel.created_at
    if found is not None and claim.applies and not can_take_up(found):
        return None
    if found is None:
        # Counted for one of them only: that the others have none either is no news for them.
        _count(connection, claim.pools, at, found=False)
        return None
    claimed, marks = claiming(found, kernel, at)
    values = claimed_kernel_values(claimed) | key_values(idempotency)
    connection.execute(_GIVE, {"kernel": claimed.no, **values})
    keep_labels(connection, claimed.no, claimed.labels)
    _count(connection, (found.pool_no or 0,), at, found=True)
    note(connection, claimed, [(None, marks)])
    return claimed, True


def _found(connection: Connection, claim: Claim) -> Kernel | None:
    for pool_no in claim.pools:
        asked = {"pool_no": pool_no, "digest": claim.digest}
        row = connection.execute(_READY, asked).one_or_none()
        if row is not None:
            return kernel_of(row)
    return None


def _count(connection: Connection, numbers: tuple[int, ...], at: Micros, *, found: bool) -> None:
    for no in numbers:
        pool = _load(connection, no)
        if pool is not None:
            _keep(connection, pool, demanded(pool, at, found=found))
            return


def give_up(connection: Connection, no: int) -> bool:
    """Want a kernel gone if it waits in a pool still; return whether it is so."""
    kernel = load_kernel(connection, no)
    if kernel is None or not kernel.waits:
        return False
    keep_kernel(connection, kernel, wanting(kernel, Wanted.GONE, None))
    return True


def _load(connection: Connection, no: int) -> Pool | None:
    row = connection.execute(_POOL.with_for_update(), {"no": no}).one_or_none()
    return _pool_of(row) if row else None


def _keep(connection: Connection, before: Pool, after: Pool) -> Pool:
    old, new = _values(before), _values(after)
    changed = {name: value for name, value in new.items() if value != old[name]}
    if changed:
        connection.execute(_KEEP, {"pool": after.no, **changed})
    return after


def _values(pool: Pool) -> Values:
    return {
        "owner": pool.owner,
        "image": pool.image,
        "reference": pool.reference,
        "template": pool.template,
        "size": pool.size,
        "least": pool.least,
        "most": pool.most,
        "target": pool.target,
        "declared": pool.declared,
        "claimed": pool.claimed,
        "missed": pool.missed,
        "demanded_at": pool.demanded_at,
        "reason": plain(pool.reason),
        "created_at": pool.created_at,
        "updated_at": pool.updated_at,
    }


def _pool_of(row: Row[Any]) -> Pool:
    return Pool(no=row.no, **{name: getattr(row, name) for name in _NAMES})


_NAMES = tuple(column.name for column in pools.c if column.name != "no")
