"""Bridges to kernels: how plain Jupyter clients on the agent's machine join them.

What is returned here holds a secret. It is kept nowhere on the server and written into no log.
"""

from __future__ import annotations

from kernelyard.model.audit import Action
from kernelyard.model.errors import KernelEnded, KernelNotFound, KernelNotRunning, LimitReached
from kernelyard.model.kernels import Kernel
from kernelyard.model.principals import Principal, Scope
from kernelyard.wire.connections import Connection
from kernelyard.yard.quotas import Quotas
from kernelyard.yard.world import World


class Bridges:
    """Opens and closes them at the agent."""

    def __init__(self, world: World, quotas: Quotas) -> None:
        self._quotas = quotas
        self._store = world.store
        self._agents = world.agents
        self._audit = world.audit

    async def open(self, who: Principal, kernel_id: str) -> Connection:
        """Return how to join a kernel; the same as long as it lives, unless it is closed meanwhile.

        Raises KernelNotFound, KernelNotRunning, KernelEnded, StorageFull, AgentUnavailable, and
        LimitReached, also where too much is stored of the owner's kernels.
        """
        who.must(Scope.RUN)
        kernel = await self._live(who, kernel_id)
        if full := await self._quotas.too_much_stored(kernel.owner):
            raise LimitReached(full)
        try:
            async with self._agents.asked() as link:
                connection = await link.open_bridge(kernel.id)
        except KernelNotFound as error:
            raise KernelNotRunning from error
        self._audit.note(who, Action.KERNEL_JOIN, kernel.id, by="connection file")
        return connection

    async def close(self, who: Principal, kernel_id: str) -> None:
        """Send away who has joined; what they know is worth nothing from now on. Repeatable.

        Raises KernelNotFound, AgentUnavailable.
        """
        who.must(Scope.RUN)
        kernel = await self._store.kernels.get(kernel_id, who.sees)
        try:
            async with self._agents.asked() as link:
                await link.close_bridge(kernel.id)
        except KernelNotFound:
            # It has not reached the agent yet, or was removed there: nothing is open.
            return

    async def _live(self, who: Principal, kernel_id: str) -> Kernel:
        kernel = await self._store.kernels.get(kernel_id, who.sees)
        if not kernel.takes_tasks:
            raise KernelEnded(
                f"The kernel is {kernel.state.value}; nobody can join it any more. "
                "Create a new kernel."
            )
        return kernel
