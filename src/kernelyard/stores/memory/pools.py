"""Pools in memory."""

from __future__ import annotations

from dataclasses import replace

from kernelyard.model.kernel_phases import Phase, Wanted
from kernelyard.model.kernels import Kernel
from kernelyard.model.pools import Claim, Pool, calmed, demanded, resized
from kernelyard.model.quantities import Micros
from kernelyard.model.quotas import Rules, demand_of, room_for_spare
from kernelyard.ports.stores import Idempotency
from kernelyard.stores.memory.kernels import MemoryKernels
from kernelyard.stores.memory.shelf import Shelf
from kernelyard.stores.transitions import can_take_up, claiming, is_live, is_ready, wanting


class MemoryPools:
    """``PoolStore`` over dictionaries."""

    def __init__(self, shelf: Shelf, kernels: MemoryKernels) -> None:
        self._shelf = shelf
        self._kernels = kernels

    async def put(self, pool: Pool) -> Pool:
        shelf = self._shelf
        for kept in shelf.pools.values():
            if (kept.owner, kept.image, kept.template) == (pool.owner, pool.image, pool.template):
                again = resized(kept, pool.size, pool.least, pool.most, pool.updated_at)
                kept = replace(again, reference=pool.reference, declared=pool.declared, reason=None)
                shelf.pools[kept.no] = kept
                return kept
        shelf.pools_made += 1
        kept = replace(pool, no=shelf.pools_made)
        shelf.pools[kept.no] = kept
        return kept

    async def refer(self, no: int, reference: str) -> None:
        pool = self._shelf.pools.get(no)
        if pool is not None:
            self._shelf.pools[no] = replace(pool, reference=reference)

    async def all(self) -> list[Pool]:
        return list(self._shelf.pools.values())

    async def remove(self, no: int, at: Micros) -> list[int]:
        self._shelf.pools.pop(no, None)
        given_up = [kernel.no for kernel in self._waiting() if kernel.pool_no == no]
        for kernel_no in given_up:
            await self.give_up(kernel_no, at)
        return given_up

    async def explain(self, no: int, reason: str | None) -> None:
        pool = self._shelf.pools.get(no)
        if pool is not None:
            self._shelf.pools[no] = replace(pool, reason=reason)

    async def calm(self, no: int, now: Micros) -> Pool | None:
        pool = self._shelf.pools.get(no)
        if pool is not None:
            self._shelf.pools[no] = pool = calmed(pool, now)
        return pool

    async def waiting(self) -> list[Kernel]:
        return [self._shelf.shown(kernel) for kernel in self._waiting()]

    async def admit(self, kernel: Kernel, rules: Rules | None = None) -> Kernel | None:
        if rules is not None and not self._has_room(kernel, rules):
            return None
        pool = self._shelf.pools.get(kernel.pool_no or 0)
        live = sum(is_live(one) for one in self._waiting() if one.pool_no == kernel.pool_no)
        if pool is None or live >= pool.target:
            return None
        return (await self._kernels.insert(kernel, None))[0]

    async def give_up(self, no: int, at: Micros) -> bool:
        del at
        kernel = self._shelf.kernels.get(no)
        if kernel is None or not kernel.waits:
            return False
        self._shelf.kernels[no] = wanting(kernel, Wanted.GONE, None)
        return True

    async def make_room(self, at: Micros) -> int | None:
        spare = self.spare()
        if not spare:
            return None
        await self.give_up(spare[0].no, at)
        return spare[0].no

    def spare(self) -> list[Kernel]:
        """What may give way, in that order."""
        live = [kernel for kernel in self._waiting() if is_live(kernel)]
        return sorted(live, key=lambda kernel: (kernel.phase is Phase.READY, -kernel.no))

    def _has_room(self, kernel: Kernel, rules: Rules) -> bool:
        demand = demand_of(kernel.template.spec)
        return room_for_spare(self._shelf.room(rules), self._shelf.asking(), demand)

    def _may_have(self, kernel: Kernel, rules: Rules) -> bool:
        waiting = self._shelf.not_admitted()
        if any(one.owner == kernel.owner and one.wanted is Wanted.RUN for one in waiting):
            return False
        demand = demand_of(kernel.template.spec)
        return not self._shelf.room(rules).lacking(kernel.owner, demand)

    async def claim(
        self,
        kernel: Kernel,
        claim: Claim,
        idempotency: Idempotency | None,
        rules: Rules | None = None,
    ) -> tuple[Kernel, bool] | None:
        shelf = self._shelf
        if (made := await self._kernels.existing(kernel, idempotency)) is not None:
            return made, False
        if rules is not None and not self._may_have(kernel, rules):
            return None
        found = self._found(claim)
        if found is not None and claim.applies and not can_take_up(found):
            return None
        pool_no = found.pool_no if found is not None else _first(claim, shelf.pools)
        if pool_no is not None and pool_no in shelf.pools:
            pool = shelf.pools[pool_no]
            shelf.pools[pool_no] = demanded(pool, kernel.created_at, found=found is not None)
        if found is None:
            return None
        claimed, marks = claiming(found, kernel, kernel.created_at)
        shelf.kernels[claimed.no] = claimed
        if idempotency:
            key = (kernel.owner, idempotency.key)
            shelf.kernel_keys[key] = (idempotency.digest, claimed.no)
        shelf.note(claimed, [(None, marks)])
        return shelf.shown(claimed), True

    def _found(self, claim: Claim) -> Kernel | None:
        for pool_no in claim.pools:
            for kernel in self._waiting():
                if kernel.pool_no == pool_no and is_ready(kernel, claim.digest):
                    return kernel
        return None

    def _waiting(self) -> list[Kernel]:
        kernels = self._shelf.kernels.values()
        return [one for one in kernels if one.waits and one.wanted is not Wanted.GONE]


def _first(claim: Claim, pools: dict[int, Pool]) -> int | None:
    return next((no for no in claim.pools if no in pools), None)
