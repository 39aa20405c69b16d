"""The yard: everything the doors can call, in one place."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from kernelyard.ports.agent_link import Links
from kernelyard.ports.bell import Bell
from kernelyard.ports.clock import Clock
from kernelyard.ports.engine import Engine
from kernelyard.ports.stores import Store
from kernelyard.wire.link import LimitFact
from kernelyard.yard.access import Access
from kernelyard.yard.agents import Agents
from kernelyard.yard.attachments import Attachments
from kernelyard.yard.audit import AuditTrail
from kernelyard.yard.bridges import Bridges
from kernelyard.yard.caretakers import Caretakers
from kernelyard.yard.creating import Creating
from kernelyard.yard.events import Events
from kernelyard.yard.external import ExternalKernels
from kernelyard.yard.foreign import ForeignKernels
from kernelyard.yard.health import Health
from kernelyard.yard.image_watch import ImageWatch
from kernelyard.yard.images import Images
from kernelyard.yard.kernels import Kernels
from kernelyard.yard.limits import Limits
from kernelyard.yard.logs import KernelLogs
from kernelyard.yard.metrics import Metric, Metrics, gauge
from kernelyard.yard.notebook_specs import NotebookSpecs
from kernelyard.yard.outputs import Outputs
from kernelyard.yard.pool_keeping import PoolKeeping
from kernelyard.yard.pools import Pools
from kernelyard.yard.quotas import Quotas
from kernelyard.yard.relays import Relays
from kernelyard.yard.releasing import Releasing
from kernelyard.yard.resolving import Resolving
from kernelyard.yard.retention import Retention
from kernelyard.yard.tails import Tails
from kernelyard.yard.tasks import Tasks
from kernelyard.yard.templates import Templates
from kernelyard.yard.tokens import Tokens
from kernelyard.yard.users import Users
from kernelyard.yard.world import World
from kernelyard.yard.zygotes import Zygotes


class Yard:
    """The work behind the doors. Use as an async context manager: inside, kernels are looked after."""

    def __init__(
        self,
        *,
        store: Store,
        engine: Engine,
        links: Links,
        bell: Bell,
        clock: Clock,
        limits: Limits,
        admin_token: str | None,
    ) -> None:
        self.clock = clock
        agents = Agents(engine, links)
        self.audit = AuditTrail(store.audit, clock, limits)
        world = World(store, agents, bell, clock, limits, self.audit, Tails(bell))
        self._agents = agents
        self._bell = bell
        self._store = store
        self._caretakers = Caretakers(world)
        self.access = Access(
            store.users, store.tokens, clock, admin_token, bell=bell, audit=self.audit
        )
        self.tokens = Tokens(store.users, store.tokens, clock, self.access, self.audit)
        self.images = Images(store.images, agents, clock, self.audit)
        self.templates = Templates(
            store.templates, clock, self.audit, largest_page=limits.largest_page
        )
        self.notebook_specs = NotebookSpecs(store.notebook_specs, clock, self.audit)
        attachments = Attachments(agents, clock)
        kept = (self.images, self.templates, self._caretakers)
        self.quotas = Quotas(world, self._caretakers)
        self.pools = Pools(world, *kept)
        self.users = Users(world, self.access, self.pools)
        self.pool_keeping = PoolKeeping(world, self.pools, self.quotas, *kept)
        creating = Creating(world, *kept, self.pools, self.quotas)
        self.kernels = Kernels(world, creating, self._caretakers, attachments)
        self.foreign = ForeignKernels(world, self.quotas, self.templates, self._caretakers)
        watched = limits.external_dir
        self._external = ExternalKernels(world, self.foreign, watched) if watched else None
        self.tasks = Tasks(world, self._caretakers, self.quotas)
        self.outputs = Outputs(world, attachments)
        self.logs = KernelLogs(world)
        self.bridges = Bridges(world, self.quotas)
        self.relays = Relays(world, attachments, self.quotas)
        self.events = Events(world)
        self.resolving = Resolving(self.images, store.choices, clock)
        self._image_watch = ImageWatch(world, self.images)
        self.health = Health(store)
        self.zygotes = Zygotes(agents)
        self.metrics = Metrics()
        self.metrics.add("kernels", self._kernel_metrics)
        self.metrics.add("agent", self.zygotes.metrics)
        self.metrics.add("pools", self.pools.metrics)
        self.metrics.add("quotas", self.quotas.metrics)
        self._releasing = Releasing(world.releases, store.kernels, agents, clock)
        self._retention = Retention(world, self._caretakers)
        self._works: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self.templates.ensure_default()
        await self.pools.look()
        await self.quotas.look()
        await self._caretakers.start()
        self._works = [
            asyncio.create_task(self._image_watch.run(), name="watching images"),
            asyncio.create_task(self._releasing.run(), name="releasing"),
            asyncio.create_task(self._retention.run(), name="retention"),
            asyncio.create_task(self.pool_keeping.run(), name="keeping pools"),
            asyncio.create_task(self.access.run(), name="hearing of tokens"),
            asyncio.create_task(self.audit.run(), name="writing the audit trail"),
            asyncio.create_task(self.audit.sweep(), name="sweeping the audit trail"),
            asyncio.create_task(self.quotas.run(), name="quotas"),
        ]
        if self._external is not None:
            self._works.append(asyncio.create_task(self._external.run(), name="external"))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for work in self._works:
            work.cancel()
        await asyncio.gather(*self._works, return_exceptions=True)
        await self._caretakers.aclose()
        await self.access.keep_uses()
        await self.audit.aclose()

    def hang_up(self) -> None:
        """The server is about to stop: send away everybody who waits. They can come back."""
        self._bell.muffle()

    async def live_kernels(self) -> int:
        """How many kernels are live."""
        return await self._store.kernels.live_count()

    async def _kernel_metrics(self) -> list[Metric]:
        live = await self.live_kernels()
        return [gauge("kernelyard_kernels_live", "Kernels that have not ended.", live)]

    async def limits_held(self) -> list[LimitFact]:
        """Which limits hold on the agent's machine. Raises AgentUnavailable."""
        return (await (await self._agents.link()).facts()).limits
