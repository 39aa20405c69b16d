"""Clients that speak with a kernel in the kernel protocol, through this server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from kernelyard.model.audit import Action
from kernelyard.model.errors import KernelEnded, LimitReached
from kernelyard.model.principals import Principal, Scope
from kernelyard.ports.agent_link import RelayLine
from kernelyard.ports.clock import Clock
from kernelyard.wire.relaying import Relay
from kernelyard.yard.attachments import Attachments
from kernelyard.yard.quotas import Quotas
from kernelyard.yard.world import World

STORED_SECONDS = 5.0
"""Between two looks at how much is stored, while something is asked for."""
_MICROS = 1_000_000
Line = RelayLine


@dataclass(slots=True)
class Joined:
    """An open line, and whether more may be asked for through it."""

    line: Line
    owner: str
    quotas: Quotas
    clock: Clock
    _due: int
    _full: str | None = None

    async def why_full(self) -> str | None:
        """Why no more code may be run, for what is stored of the owner's kernels; None if it may."""
        if (now := self.clock.now()) >= self._due:
            self._full = await self.quotas.too_much_stored(self.owner)
            self._due = now + int(STORED_SECONDS * _MICROS)
        return self._full


class Relays:
    """Opens lines to kernels at the agent; each is a connection of its own."""

    def __init__(self, world: World, attachments: Attachments, quotas: Quotas) -> None:
        self._clock = world.clock
        self._quotas = quotas
        self._store = world.store
        self._agents = world.agents
        self._limits = world.limits
        self._audit = world.audit
        self._attachments = attachments

    @asynccontextmanager
    async def open(self, who: Principal, kernel_id: str, session: str) -> AsyncIterator[Joined]:
        """A line to a kernel; while it is open, a client counts as attached.

        Of one person and session the newest line is served. Raises KernelNotFound, KernelNotRunning,
        KernelEnded, AgentUnavailable, and LimitReached, also where too much is stored of the owner's kernels.
        """
        who.must(Scope.RUN)
        kernel = await self._store.kernels.get(kernel_id, who.sees)
        if not kernel.takes_tasks:
            raise KernelEnded(
                f"The kernel is {kernel.state.value}; nobody can speak with it any more. "
                "Create a new kernel."
            )
        if full := await self._quotas.too_much_stored(kernel.owner):
            raise LimitReached(full)
        due = self._clock.now() + int(STORED_SECONDS * _MICROS)
        wanted = Relay(
            kernel_id=kernel.id,
            author=who.name,
            session=session,
            output_limit_bytes=self._limits.task_output_bytes,
            largest_code=self._limits.largest_code,
        )
        async with self._agents.asked() as link:
            line = await link.relay(wanted)
        self._audit.note(who, Action.KERNEL_JOIN, kernel.id, by="WebSocket")
        try:
            async with self._attachments.attached(kernel.id):
                yield Joined(line, kernel.owner, self._quotas, self._clock, due)
        finally:
            line.close()
