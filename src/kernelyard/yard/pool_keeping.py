"""Keeping pools filled, in the background and after everybody who waits for a kernel.

Every server does so; the store lets in no more kernels than are wanted. What waits and is not as a
create would make it now is given up, and what has ended is made again, after a pause that grows.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kernelyard.model.errors import AgentUnavailable, YardError
from kernelyard.model.images import ImageSnapshot
from kernelyard.model.kernel_phases import Phase
from kernelyard.model.kernels import Kernel
from kernelyard.model.pools import (
    EVERYBODY,
    Pool,
    PoolOrder,
    calmed,
    pool_digest,
)
from kernelyard.model.principals import ADMIN_NAME, Principal, Role, User
from kernelyard.model.templates import TemplateSnapshot
from kernelyard.ports.bell import pools_topic
from kernelyard.yard.caretakers import Caretakers
from kernelyard.yard.images import Images
from kernelyard.yard.log import event, failure
from kernelyard.yard.pool_trouble import PoolTrouble
from kernelyard.yard.pools import QUIET_SECONDS, Pools
from kernelyard.yard.quotas import Quotas
from kernelyard.yard.templates import Templates
from kernelyard.yard.world import World

POLL_SECONDS = 5.0
IDLE_POLL_SECONDS = 30.0
"""Where there is no pool."""
PAUSE_SECONDS = 0.05
"""Between two looks, however often something happens."""
MOST_STARTING = 2
"""So many are made ready at once, in all pools."""
MOST_DOUBTFUL = 1
"""So many of them in pools of users, and in pools of which the last kernel has failed."""
PATIENCE_SECONDS = 3.0
"""After so long kernels are made ready although others are being created."""
_USERS = 1000
_ADMIN = Principal(ADMIN_NAME, Role.ADMIN)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What kernels of a pool are made of now."""

    image: ImageSnapshot
    template: TemplateSnapshot
    digest: str


@dataclass(slots=True)
class _Due:
    """A pool that has fewer kernels than it should, and may get some."""

    pool: Pool
    wanted: _Wanted
    missing: int
    doubtful: bool


class PoolKeeping:
    """Looks after every pool as long as the server runs."""

    def __init__(
        self,
        world: World,
        pools: Pools,
        quotas: Quotas,
        images: Images,
        templates: Templates,
        caretakers: Caretakers,
    ) -> None:
        self._world = world
        self._store = world.store
        self._bell = world.bell
        self._clock = world.clock
        self._pools = pools
        self._quotas = quotas
        self._images = images
        self._templates = templates
        self._caretakers = caretakers
        self._trouble: dict[int, PoolTrouble] = {}
        self._turns: dict[int, int] = {}
        """When a kernel was begun for each pool last, in turns."""
        self._turn = 0
        self._short = ""
        """Why memory is short where kernels run, as the agent has said last."""
        self._asked_at = float("-inf")

    async def declare(self, orders: Sequence[PoolOrder]) -> None:
        """Keep what the settings ask for, and forget what they asked for before. Raises Invalid."""
        declared = {(order.image, order.template): order for order in orders}
        for pool in await self._store.pools.all():
            order = declared.get((pool.image, pool.template))
            if pool.owner != EVERYBODY:
                continue
            if order is None and pool.declared:
                await self._pools.drop(pool)
            elif order is not None and _same(pool, order):
                del declared[pool.image, pool.template]
        for order in declared.values():
            await self._pools.keep(EVERYBODY, order, order.image, declared=True)

    async def run(self) -> None:
        """Work until cancelled, or until the server is about to stop."""
        seconds = 0.0
        while not self._bell.muffled:
            mark = self._bell.mark(pools_topic())
            try:
                seconds = await self._round()
            except AgentUnavailable:
                self._world.agents.mistrust()
                seconds = POLL_SECONDS
            except Exception as error:  # noqa: BLE001 - the next look may go well
                failure("pools.failed", error)
                seconds = POLL_SECONDS
            await self._bell.wait(pools_topic(), mark, seconds)
            await self._until_quiet()

    async def _round(self) -> float:
        """Do what is due for each pool; return after how many seconds to look again."""
        pools = await self._owned(await self._store.pools.all())
        self._pools.know(pools)
        waiting = await self._store.pools.waiting()
        numbers = {pool.no for pool in pools}
        for kernel in waiting:
            if kernel.pool_no not in numbers:
                await self._give_up(kernel)
        if pools:
            await self._relieve(waiting)
        due: list[_Due] = []
        for pool in pools:
            mine = [kernel for kernel in waiting if kernel.pool_no == pool.no]
            missing, wanted = await self._tended(pool, mine)
            if wanted is not None and missing > 0:
                due.append(_Due(pool, wanted, missing, self._doubtful(pool)))
        await self._fill(due, _starting(pools, waiting, self._doubtful))
        return POLL_SECONDS if pools else IDLE_POLL_SECONDS

    async def _owned(self, pools: list[Pool]) -> list[Pool]:
        """Drop pools of users who are disabled or gone, and of those before them with that name."""
        if all(pool.owner == EVERYBODY for pool in pools):
            return pools
        since = {user.name: user.created_at for user in await self._users() if not user.disabled}
        kept: list[Pool] = []
        for pool in pools:
            if (
                pool.owner == EVERYBODY
                or since.get(pool.owner, pool.updated_at + 1) <= pool.updated_at
            ):
                kept.append(pool)
            else:
                event("pool.has_no_owner", image=pool.image, template=pool.template)
                await self._pools.drop(pool)
        return kept

    async def _users(self) -> list[User]:
        users: list[User] = []
        while more := await self._store.users.find(users[-1].name if users else None, _USERS):
            users += more
        return users

    def _doubtful(self, pool: Pool) -> bool:
        """Whether its kernels may be slow to start, or fail, at the cost of everybody's pools."""
        trouble = self._trouble.get(pool.no)
        return pool.owner != EVERYBODY or (trouble is not None and trouble.failures > 0)

    async def _fill(self, due: list[_Due], starting: tuple[int, int]) -> None:
        """Begin a kernel for each in turn; ``starting`` are those that start, and doubtful ones."""
        begun, doubtful = starting
        due.sort(key=lambda one: (one.doubtful, self._turns.get(one.pool.no, 0)))
        while due:
            again: list[_Due] = []
            for one in due:
                if begun >= MOST_STARTING or (one.doubtful and doubtful >= MOST_DOUBTFUL):
                    continue
                if not await self._start(one.pool, one.wanted):
                    continue
                begun, doubtful = begun + 1, doubtful + one.doubtful
                self._turn += 1
                self._turns[one.pool.no] = self._turn
                one.missing -= 1
                if one.missing:
                    again.append(one)
            due = again

    async def _tended(self, pool: Pool, waiting: list[Kernel]) -> tuple[int, _Wanted | None]:
        """Give up what is not wanted; return how many are missing, and of what they are to be made.

        Nothing is to be made while there is a reason against it.
        """
        now = self._clock.now()
        if calmed(pool, now) is not pool:
            pool = await self._store.pools.calm(pool.no, now) or pool
        try:
            wanted = await self._wanted(pool)
        except AgentUnavailable:
            raise
        except YardError as error:
            for kernel in waiting:
                await self._give_up(kernel)
            await self._explain(pool, error.message)
            return 0, None
        trouble = self._trouble_of(pool, wanted)
        live: list[Kernel] = []
        for kernel in waiting:
            if kernel.pool_digest == wanted.digest and not kernel.phase.is_final:
                if kernel.attempt == 1:
                    live.append(kernel)
                    continue
                trouble.note_restart(kernel, now)
            elif kernel.phase.is_final:
                trouble.note_end(kernel, now)
            await self._give_up(kernel)
        trouble.note_ready(live, now)
        live.sort(key=lambda kernel: (kernel.phase is not Phase.READY, kernel.no))
        for kernel in live[pool.target :]:
            await self._give_up(kernel)
        missing = pool.target - len(live)
        in_the_way = await self._in_the_way(wanted) if missing > 0 else None
        await self._explain(pool, (trouble.reason or in_the_way) if missing > 0 else None)
        blocked = in_the_way is not None or now < trouble.until
        return missing, None if blocked else wanted

    def _trouble_of(self, pool: Pool, wanted: _Wanted) -> PoolTrouble:
        """What went wrong with this pool, of what it is made of now and since it was set."""
        of = (wanted.digest, pool.updated_at)
        trouble = self._trouble.get(pool.no)
        if trouble is None or trouble.of != of:
            self._trouble[pool.no] = trouble = PoolTrouble(of=of)
        return trouble

    async def _wanted(self, pool: Pool) -> _Wanted:
        """Raises what tells why a create with this image and template would be refused."""
        template = await self._templates.usable(_ADMIN, pool.template)
        image = await self._images.usable(pool.image)
        if image.reference != pool.reference:
            await self._pools.refer(pool, image.reference)
        return _Wanted(
            image=ImageSnapshot(
                name=image.name,
                reference=image.reference,
                display_name=image.display_name,
                language=image.language,
            ),
            template=TemplateSnapshot(name=template.name, spec=template.spec),
            digest=pool_digest(image, template.spec),
        )

    async def _relieve(self, waiting: list[Kernel]) -> None:
        """Ask the agent now and then whether memory is short, and then give up one that waits."""
        now = asyncio.get_running_loop().time()
        if now - self._asked_at < POLL_SECONDS:
            return
        async with self._world.agents.asked() as link:
            self._short = (await link.zygotes()).pressure
        self._asked_at = now
        if self._short and waiting:
            await self._give_up(waiting.pop())

    async def _in_the_way(self, wanted: _Wanted) -> str | None:
        """Why no further kernel may be made ready."""
        if self._short:
            return f"Memory is short where kernels run: {self._short}."
        return await self._quotas.why_no_spare(wanted.template.spec)

    async def _until_quiet(self) -> None:
        """Let those go first who wait for a kernel; but not for ever."""
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await self._clock.sleep(PAUSE_SECONDS)
        while not self._pools.quiet and loop.time() - begun < PATIENCE_SECONDS:
            await self._clock.sleep(QUIET_SECONDS)

    async def _start(self, pool: Pool, wanted: _Wanted) -> bool:
        if self._bell.muffled or await self._in_the_way(wanted) is not None:
            return False
        kernel = Kernel(
            no=0,
            id=str(uuid.uuid4()),
            owner=EVERYBODY,
            image=wanted.image,
            template=wanted.template,
            created_at=self._clock.now(),
            pool_no=pool.no,
            pool_digest=wanted.digest,
        )
        kept = await self._store.pools.admit(kernel, self._quotas.of_kernels)
        if kept is None:
            return False
        self._caretakers.attend(kept.no)
        event("pool.kernel_begun", kernel_id=kept.id, image=wanted.image.reference)
        return True

    async def _give_up(self, kernel: Kernel) -> None:
        if await self._store.pools.give_up(kernel.no, self._clock.now()):
            self._caretakers.attend(kernel.no)

    async def _explain(self, pool: Pool, reason: str | None) -> None:
        if reason != pool.reason:
            await self._store.pools.explain(pool.no, reason)


def _starting(
    pools: Sequence[Pool], waiting: Sequence[Kernel], doubtful: Callable[[Pool], bool]
) -> tuple[int, int]:
    """How many kernels start now, and how many of these in doubtful pools."""
    doubted = {pool.no for pool in pools if doubtful(pool)}
    start = [one for one in waiting if not one.phase.is_final and one.phase is not Phase.READY]
    return len(start), sum(one.pool_no in doubted for one in start)


def _same(pool: Pool, order: PoolOrder) -> bool:
    return pool.declared and (pool.size, pool.least, pool.most) == order.checked()
