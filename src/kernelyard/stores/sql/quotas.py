"""Quotas in SQL: who is let in is decided in one transaction, one after the other in all servers."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from kernelyard.model.errors import LimitReached
from kernelyard.model.kernel_phases import Wanted
from kernelyard.model.kernels import Kernel
from kernelyard.model.quotas import (
    Asking,
    Resource,
    Rules,
    UserQuota,
    check_fits,
    demand_of,
    is_news,
    let_in,
    room_for_spare,
    too_many_tasks,
    too_many_wait,
)
from kernelyard.model.tasks import Task, TaskState
from kernelyard.model.templates import TemplateSpec
from kernelyard.ports.quota_store import Round, Usage
from kernelyard.ports.stores import Idempotency
from kernelyard.stores.sql.database import Database
from kernelyard.stores.sql.kernels import existing_kernel, insert_kernel
from kernelyard.stores.sql.pools import give_up
from kernelyard.stores.sql.quota_tables import quotas
from kernelyard.stores.sql.rooms import (
    ASKING,
    NOT_ADMITTED,
    amounts_of,
    asking_of,
    room_of,
    said_of_users,
    spares_of,
    used_by_owner,
    wait_for_turn,
)
from kernelyard.stores.sql.tables import kernels, tasks
from kernelyard.stores.sql.tasks import insert_new_task
from kernelyard.stores.transitions import held_back

_NEW = 0
"""The number of a kernel that has none yet."""
# A kernel that is stopped at the same moment keeps the reason of that.
_STILL = (kernels.c.no == bindparam("kernel"), kernels.c.wanted == Wanted.RUN.value)
_LET_IN = update(kernels).where(*_STILL).values(admitted=True, reason=None)
_EXPLAIN = update(kernels).where(*_STILL).values(reason=bindparam("why"))
_QUEUED = tasks.c.state == TaskState.QUEUED.value
_ALL_QUEUED = select(func.count()).select_from(tasks).where(_QUEUED)
_QUEUED_OF = _ALL_QUEUED.where(tasks.c.owner == bindparam("owner"))
_WAITS = select(kernels.c.no).where(*NOT_ADMITTED).limit(1)


class SqlQuotas:
    """``QuotaStore`` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> list[UserQuota]:
        query = select(quotas).order_by(quotas.c.owner)
        rows = await self._database.read(lambda c: c.execute(query).all())
        return [UserQuota(row.owner, amounts_of(row.limits), row.updated_at) for row in rows]

    async def put(self, quota: UserQuota) -> None:
        limits = json.dumps({one.value: limit for one, limit in quota.limits.items()})
        values = {"limits": limits, "updated_at": quota.updated_at}

        def work(connection: Connection) -> None:
            wait_for_turn(connection)
            known = update(quotas).where(quotas.c.owner == quota.user).values(values)
            if not connection.execute(known).rowcount:
                connection.execute(insert(quotas).values(owner=quota.user, **values))

        await self._database.write(work)

    async def remove(self, user: str) -> bool:
        statement = delete(quotas).where(quotas.c.owner == user)
        return bool(await self._database.write(lambda c: c.execute(statement).rowcount))

    async def usage(self, user: str | None = None) -> Mapping[str, Usage]:
        return await self._database.read(lambda c: _usage(c, user))

    async def stored_bytes(self, user: str | None) -> int:
        query = select(func.coalesce(func.sum(kernels.c.stored_bytes), 0))
        if user is not None:
            query = query.where(kernels.c.owner == user)
        return await self._database.read(lambda c: int(c.execute(query).scalar_one()))

    async def anybody_waits(self) -> bool:
        return await self._database.read(lambda c: c.execute(_WAITS).first() is not None)

    async def room_for_spare(self, spec: TemplateSpec, rules: Rules) -> bool:
        def work(connection: Connection) -> bool:
            askings = [asking_of(row) for row in connection.execute(ASKING)]
            return room_for_spare(room_of(connection, rules), askings, demand_of(spec))

        return await self._database.read(work)

    async def place(
        self,
        kernel: Kernel,
        idempotency: Idempotency | None,
        rules: Rules,
        *,
        may_wait: bool = True,
    ) -> tuple[Kernel, bool, Round]:
        def work(connection: Connection) -> tuple[Kernel, bool, Round]:
            wait_for_turn(connection)
            made = existing_kernel(connection, kernel, idempotency)
            if made is not None:
                return made, False, Round()
            reason, round_ = _let_in(connection, rules, kernel)
            if reason is not None and not may_wait:
                raise LimitReached(_cannot_wait(reason))
            # Last, for it writes down a change, and nobody's lock may be waited for after that.
            kept = kernel if reason is None else held_back(kernel, reason)
            return insert_kernel(connection, kept, idempotency), True, round_

        return await self._database.write(work)

    async def admit(self, rules: Rules) -> Round:
        def work(connection: Connection) -> Round:
            wait_for_turn(connection)
            return _let_in(connection, rules, None)[1]

        return await self._database.write(work)

    async def submit(
        self, task: Task, idempotency: Idempotency | None, rules: Rules, refusal: str | None = None
    ) -> tuple[Task, bool]:
        def work(connection: Connection) -> tuple[Task, bool]:
            wait_for_turn(connection, of_tasks=True)
            kept, created = insert_new_task(connection, task, idempotency)
            if created and (why := refusal or _too_many(connection, kept.owner, rules)):
                raise LimitReached(why)
            return kept, created

        return await self._database.write(work)


def _let_in(connection: Connection, rules: Rules, new: Kernel | None) -> tuple[str | None, Round]:
    """Let in whom there is room for, a new kernel among them; return why that one waits.

    Raises NeverFits, and LimitReached where too many wait for it to wait, too.
    """
    room = room_of(connection, rules)
    rows = connection.execute(ASKING).all()
    order = [(-row.priority, row.no, asking_of(row)) for row in rows]
    if new is not None:
        demand = demand_of(new.template.spec, owned=new.owned)
        check_fits(demand, rules.server, room.limits_of(new.owner))
        behind = max((row.no for row in rows), default=_NEW) + 1
        order.append((-new.priority, behind, Asking(_NEW, new.owner, demand)))
    order.sort(key=lambda one: one[:2])
    reasons, given_up = let_in(room, [one for *_, one in order], spares_of(connection))
    why = reasons.pop(_NEW, None)
    if new is not None and why is not None:
        own = sum(row.owner == new.owner for row in rows)
        if refusal := too_many_wait(rules, own, len(rows)):
            raise LimitReached(refusal)
    gone = [no for no in given_up if give_up(connection, no)]
    admitted = [no for no, reason in reasons.items() if reason is None]
    if admitted:
        connection.execute(_LET_IN, [{"kernel": no} for no in sorted(admitted)])
    told = {row.no: row.reason for row in rows}
    news = [
        {"kernel": no, "why": reason}
        for no, reason in sorted(reasons.items())
        if reason is not None and is_news(reason, told[no])
    ]
    if news:
        connection.execute(_EXPLAIN, news)
    return why, Round(admitted, gone, len(reasons) - len(admitted) + (why is not None))


def _cannot_wait(reason: str) -> str:
    return f"There is no room for this kernel now: it would be {reason}. End one that you no longer need."


def _too_many(connection: Connection, owner: str, rules: Rules) -> str | None:
    said = said_of_users(connection)
    own = connection.execute(_QUEUED_OF, {"owner": owner}).scalar_one()
    everybodys = connection.execute(_ALL_QUEUED).scalar_one()
    return too_many_tasks(rules, said.get(owner), own, everybodys)


def _usage(connection: Connection, user: str | None) -> dict[str, Usage]:
    used = used_by_owner(connection, user)
    waiting = dict[str, int]()
    queued = select(tasks.c.owner, func.count()).where(_QUEUED).group_by(tasks.c.owner)
    stored = select(kernels.c.owner, func.sum(kernels.c.stored_bytes)).group_by(kernels.c.owner)
    asking = select(kernels.c.owner, func.count()).where(*NOT_ADMITTED).group_by(kernels.c.owner)
    if user is not None:
        queued = queued.where(tasks.c.owner == user)
        stored = stored.where(kernels.c.owner == user)
        asking = asking.where(kernels.c.owner == user)
    for resource, query in ((Resource.TASKS, queued), (Resource.STORED, stored)):
        for owner, amount in connection.execute(query):
            used.setdefault(owner, {})[resource] = int(amount or 0)
    for owner, number in connection.execute(asking):
        waiting[owner] = number
        used.setdefault(owner, {})
    return {owner: Usage(mine, waiting.get(owner, 0)) for owner, mine in sorted(used.items())}
