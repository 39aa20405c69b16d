"""Clients that speak with a kernel in the kernel protocol, through this server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kernelyard.model.audit import Action
from kernelyard.model.errors import KernelEnded
from kernelyard.model.principals import Principal, Scope
from kernelyard.ports.agent_link import RelayLine
from kernelyard.wire.relaying import Relay
from kernelyard.yard.attachments import Attachments
from kernelyard.yard.world import World

Line = RelayLine


class Relays:
    """Opens lines to kernels at the agent; each is a connection of its own."""

    def __init__(self, world: World, attachments: Attachments) -> None:
        self._store = world.store
        self._agents = world.agents
        self._limits = world.limits
        self._audit = world.audit
        self._attachments = attachments

    @asynccontextmanager
    async def open(self, who: Principal, kernel_id: str, session: str) -> AsyncIterator[RelayLine]:
        """A line to a kernel; while it is open, a client counts as attached.

        Of one person and session the newest line is served. Raises KernelNotFound, KernelNotRunning,
        KernelEnded, LimitReached, AgentUnavailable.
        """
        who.must(Scope.RUN)
        kernel = await self._store.kernels.get(kernel_id, who.sees)
        if not kernel.takes_tasks:
            raise KernelEnded(
                f"The kernel is {kernel.state.value}; nobody can speak with it any more. "
                "Create a new kernel."
            )
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
                yield line
        finally:
            line.close()
