"""Quotas in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kernelyard.model.errors import LimitReached
from kernelyard.model.kernel_phases import Wanted
from kernelyard.model.kernels import Kernel
from kernelyard.model.quotas import (
    Resource,
    Room,
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
from kernelyard.stores.memory.kernels import MemoryKernels
from kernelyard.stores.memory.pools import MemoryPools
from kernelyard.stores.memory.shelf import Shelf
from kernelyard.stores.memory.tasks import MemoryTasks
from kernelyard.stores.transitions import held_back

_NEW = 0


class MemoryQuotas:
    """``QuotaStore`` over dictionaries."""

    def __init__(
        self, shelf: Shelf, kernels: MemoryKernels, tasks: MemoryTasks, pools: MemoryPools
    ) -> None:
        self._shelf = shelf
        self._kernels = kernels
        self._tasks = tasks
        self._pools = pools

    async def all(self) -> list[UserQuota]:
        return [quota for _, quota in sorted(self._shelf.quotas.items())]

    async def put(self, quota: UserQuota) -> None:
        self._shelf.quotas[quota.user] = quota

    async def remove(self, user: str) -> bool:
        return self._shelf.quotas.pop(user, None) is not None

    async def usage(self, user: str | None = None) -> Mapping[str, Usage]:
        shelf = self._shelf
        used, waiting = shelf.held(), dict[str, int]()
        for kernel in shelf.kernels.values():
            mine = used.setdefault(kernel.owner, {})
            mine[Resource.STORED] = mine.get(Resource.STORED, 0) + kernel.stored_bytes
        for task in shelf.tasks.values():
            if task.state is TaskState.QUEUED:
                mine = used.setdefault(task.owner, {})
                mine[Resource.TASKS] = mine.get(Resource.TASKS, 0) + 1
        for kernel in shelf.not_admitted():
            waiting[kernel.owner] = waiting.get(kernel.owner, 0) + 1
        return {
            owner: Usage(mine, waiting.get(owner, 0))
            for owner, mine in sorted(used.items())
            if user in (None, owner)
        }

    async def stored_bytes(self, user: str | None) -> int:
        kernels = self._shelf.kernels.values()
        return sum(one.stored_bytes for one in kernels if user in (None, one.owner))

    async def anybody_waits(self) -> bool:
        return bool(self._shelf.not_admitted())

    async def room_for_spare(self, spec: TemplateSpec, rules: Rules) -> bool:
        return room_for_spare(self._shelf.room(rules), self._shelf.asking(), demand_of(spec))

    async def place(
        self,
        kernel: Kernel,
        idempotency: Idempotency | None,
        rules: Rules,
        *,
        may_wait: bool = True,
    ) -> tuple[Kernel, bool, Round]:
        made = await self._kernels.existing(kernel, idempotency)
        if made is not None:
            return made, False, Round()
        demand = demand_of(kernel.template.spec, owned=kernel.owned)
        check_fits(demand, rules.server, self._shelf.room(rules).limits_of(kernel.owner))
        self._check_room(kernel, rules, may_wait=may_wait)
        why, round_ = await self._let_in(rules, kernel)
        kept = kernel if why is None else held_back(kernel, why)
        return (*await self._kernels.insert(kept, idempotency), round_)

    async def admit(self, rules: Rules) -> Round:
        return (await self._let_in(rules, None))[1]

    async def submit(
        self, task: Task, idempotency: Idempotency | None, rules: Rules, refusal: str | None = None
    ) -> tuple[Task, bool]:
        if (made := await self._tasks.existing(task, idempotency)) is not None:
            return made, False
        kernel = self._shelf.kernels[task.kernel_no]
        queued = [one for one in self._shelf.tasks.values() if one.state is TaskState.QUEUED]
        own = sum(one.owner == kernel.owner for one in queued)
        said = self._shelf.quotas.get(kernel.owner)
        limits = said.limits if said else None
        why = refusal or too_many_tasks(rules, limits, own + 1, len(queued) + 1)
        if why:
            raise LimitReached(why)
        return await self._tasks.insert(task, idempotency)

    def _check_room(self, kernel: Kernel, rules: Rules, *, may_wait: bool) -> None:
        """Raise LimitReached if a kernel would have to wait and may not; nothing has changed then."""
        reasons, _ = let_in(
            self._shelf.room(rules),
            self._shelf.asking(kernel),
            self._shelf.spares(self._pools.spare()),
        )
        if reasons[_NEW] is None:
            return
        if not may_wait:
            raise LimitReached(
                f"There is no room for this kernel now: it would be {reasons[_NEW]}. End one that you "
                "no longer need."
            )
        owners = [one.owner for one in self._shelf.not_admitted() if one.wanted is Wanted.RUN]
        if refusal := too_many_wait(rules, owners.count(kernel.owner), len(owners)):
            raise LimitReached(refusal)

    async def _let_in(self, rules: Rules, new: Kernel | None) -> tuple[str | None, Round]:
        shelf = self._shelf
        room: Room = shelf.room(rules)
        reasons, given_up = let_in(room, shelf.asking(new), shelf.spares(self._pools.spare()))
        why = reasons.pop(_NEW, None)
        for no in given_up:
            await self._pools.give_up(no, 0)
        for no, reason in reasons.items():
            kernel = shelf.kernels[no]
            told = kernel.reason
            if reason is not None and not is_news(reason, told):
                reason = told
            shelf.kernels[no] = replace(kernel, admitted=reason is None, reason=reason)
        admitted = [no for no, reason in reasons.items() if reason is None]
        waiting = len(reasons) - len(admitted) + (why is not None)
        return why, Round(admitted, given_up, waiting)
