"""Pools: what is to be kept ready, who may say so, and what of it a create may take."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from kernelyard.model.audit import Action
from kernelyard.model.errors import Invalid, PoolNotFound
from kernelyard.model.images import Image
from kernelyard.model.kernel_phases import Phase, Wanted
from kernelyard.model.kernels import Kernel
from kernelyard.model.pools import (
    EVERYBODY,
    Claim,
    Pool,
    PoolCensus,
    PoolOrder,
    applied,
    pool_digest,
)
from kernelyard.model.principals import Principal, Scope
from kernelyard.ports.bell import pools_topic
from kernelyard.yard.caretakers import Caretakers
from kernelyard.yard.images import Images
from kernelyard.yard.metrics import Metric
from kernelyard.yard.templates import Templates
from kernelyard.yard.world import World

_KIND = ("image", "template")
QUIET_SECONDS = 0.25
"""Nothing is made ready for so long after a create."""


class Pools:
    """Sets, lists and removes pools; knows which of them serve whom, without asking the store."""

    def __init__(
        self, world: World, images: Images, templates: Templates, caretakers: Caretakers
    ) -> None:
        self._store = world.store.pools
        self._bell = world.bell
        self._clock = world.clock
        self._limits = world.limits
        self._audit = world.audit
        self._images = images
        self._templates = templates
        self._caretakers = caretakers
        self._known: list[Pool] = []
        self._creating = 0
        self._created_at = float("-inf")

    async def look(self) -> None:
        """Learn which pools there are."""
        self.know(await self._store.all())

    async def set(self, who: Principal, order: PoolOrder) -> Pool:
        """Keep kernels ready from now on: an administrator's for everybody, a user's for himself.

        A pool of the same image and template gets the new sizes. Raises Invalid, ImageNotFound,
        ImageDisabled, ImageNotReady, TemplateNotFound, TemplateDisabled, AgentUnavailable.
        """
        who.must(Scope.MANAGE)
        order.checked()
        template = await self._templates.usable(who, order.template)
        image = await self._images.usable(order.image)
        owner = EVERYBODY if who.is_admin else who.name
        if owner != EVERYBODY:
            await self._check_share(owner, order, image.name)
        order = replace(order, image=image.name, template=template.name)
        kept = await self.keep(owner, order, image.reference)
        await self._audit.write(
            who, Action.POOL_SET, kept.image, template=kept.template, size=str(kept.size)
        )
        return kept

    async def _check_share(self, owner: str, order: PoolOrder, image: str) -> None:
        """Raise Invalid if pools of a user would have more kernels than his may have together."""
        same = (owner, image, order.template)
        pools = [pool for pool in await self._store.all() if pool.owner == owner]
        others = sum(p.most for p in pools if (p.owner, p.image, p.template) != same)
        most = self._limits.user_pool_kernels
        if others + order.checked()[2] > most:
            raise Invalid(
                f"Pools of a user may have at most {most} kernels together; your others may have "
                f"{others} already. Ask for fewer, or ask an administrator for a pool that serves "
                "everybody.",
                field="size",
            )

    async def keep(
        self, owner: str, order: PoolOrder, reference: str, *, declared: bool = False
    ) -> Pool:
        """Keep a pool, whether its image and template are there or not. Raises Invalid."""
        size, least, most = order.checked()
        now = self._clock.now()
        kept = await self._store.put(
            Pool(
                owner=owner,
                image=order.image,
                reference=reference,
                template=order.template,
                size=size,
                least=least,
                most=most,
                target=size,
                declared=declared,
                demanded_at=now,
                created_at=now,
                updated_at=now,
            )
        )
        await self._changed()
        return kept

    async def refer(self, pool: Pool, reference: str) -> None:
        """The name of its image stands for another one now."""
        await self._store.refer(pool.no, reference)
        await self._changed()

    async def metrics(self) -> list[Metric]:
        """Counts of each image and template, whomever they serve."""
        waiting = await self._store.waiting()
        states: dict[tuple[str, ...], float] = {}
        asked: dict[tuple[str, ...], float] = {}
        for pool in await self._store.all():
            counted, kind = census(pool, waiting), (pool.image, pool.template)
            for state, number in (
                ("ready", counted.ready),
                ("starting", counted.starting),
                ("wanted", pool.target),
            ):
                states[*kind, state] = states.get((*kind, state), 0) + number
            for outcome, number in (("claimed", pool.claimed), ("missed", pool.missed)):
                asked[*kind, outcome] = asked.get((*kind, outcome), 0) + number
        kernels, creates = "Kernels that are kept ready.", "Creates that asked for one of these."
        return [
            Metric("kernelyard_pool_kernels", kernels, "gauge", states, (*_KIND, "state")),
            Metric("kernelyard_pool_creates_total", creates, "counter", asked, (*_KIND, "outcome")),
        ]

    async def list(self, who: Principal) -> list[PoolCensus]:
        """Return the pools that serve ``who``, or all for an administrator, with what waits there."""
        who.must(Scope.READ)
        pools = [pool for pool in await self._store.all() if _shown(pool, who)]
        waiting = await self._store.waiting()
        return [census(pool, waiting) for pool in pools]

    async def get(self, who: Principal, image: str, template: str, owner: str) -> PoolCensus:
        """Return one pool. Raises PoolNotFound."""
        counted = await self.list(who)
        same = [one for one in counted if (one.pool.template, one.pool.owner) == (template, owner)]
        # Two may be of one image, under its name and under its reference.
        for one in same:
            if one.pool.image == image:
                return one
        for one in same:
            if one.pool.reference == image:
                return one
        raise PoolNotFound

    async def remove(self, who: Principal, image: str, template: str, owner: str) -> None:
        """Forget a pool and end what waits there; what was claimed goes on. Raises PoolNotFound."""
        who.must(Scope.MANAGE)
        pool = (await self.get(who, image, template, owner)).pool
        if not who.is_admin and pool.owner != who.name:
            raise PoolNotFound("This pool serves everybody; only an administrator may remove it.")
        await self.drop(pool)
        await self._audit.write(who, Action.POOL_DELETE, pool.image, template=pool.template)

    async def drop(self, pool: Pool) -> None:
        """Forget a pool and end what waits there."""
        for kernel_no in await self._store.remove(pool.no, self._clock.now()):
            self._caretakers.attend(kernel_no)
        await self._changed()

    def know(self, pools: Sequence[Pool]) -> None:
        """These are all pools that there are."""
        self._known = list(pools)

    def claim_for(self, kernel: Kernel, image: Image) -> Claim | None:
        """What a create of ``kernel`` may take; None if nothing can be ready for it."""
        asked = (kernel.image.reference, kernel.template.name)
        pools = [
            pool
            for pool in self._known
            if (pool.reference, pool.template) == asked and pool.owner in (kernel.owner, EVERYBODY)
        ]
        if not pools or kernel.parameters or not kernel.owned:
            return None
        spec = kernel.template.spec
        wanted = applied(spec.environment, kernel.environment, kernel.path)
        if wanted.needs_fresh_process:
            return None
        pools.sort(key=lambda pool: pool.owner == EVERYBODY)
        return Claim(
            pools=tuple(pool.no for pool in pools),
            digest=pool_digest(image, spec),
            applies=not wanted.nothing,
        )

    @contextmanager
    def creating(self) -> Iterator[None]:
        """While this lasts somebody waits for a kernel: nothing else is to be started."""
        self._creating += 1
        try:
            yield
        finally:
            self._creating -= 1
            self._created_at = asyncio.get_running_loop().time()

    def taken(self) -> None:
        """A create has asked for a kernel of a pool: there is one less, or there was none."""
        self._bell.ring(pools_topic())

    @property
    def quiet(self) -> bool:
        """Whether nobody waits for a kernel, nor did just now."""
        since = asyncio.get_running_loop().time() - self._created_at
        return self._creating == 0 and since >= QUIET_SECONDS

    async def _changed(self) -> None:
        await self.look()
        self._bell.ring(pools_topic())


def census(pool: Pool, waiting: Sequence[Kernel]) -> PoolCensus:
    """Count what waits in a pool."""
    phases = [
        one.phase
        for one in waiting
        if one.pool_no == pool.no and one.wanted is Wanted.RUN and not one.phase.is_final
    ]
    ready = phases.count(Phase.READY)
    return PoolCensus(pool=pool, ready=ready, starting=len(phases) - ready)


def _shown(pool: Pool, who: Principal) -> bool:
    return who.is_admin or pool.owner in (who.name, EVERYBODY)
