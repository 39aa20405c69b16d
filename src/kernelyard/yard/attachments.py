"""Clients that are attached to kernels: while one is there, its kernel is not idle.

The agent judges idleness, so it is told, for some seconds ahead and again before these are over. When
this server dies, the kernel is soon as free as if its clients had left.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kernelyard.model.errors import AgentUnavailable, YardError
from kernelyard.ports.clock import Clock
from kernelyard.yard.agents import Agents
from kernelyard.yard.log import event, failure

LEASE_SECONDS = 20.0
RENEW_SECONDS = 5.0


class Attachments:
    """Counts the clients of each kernel on this server."""

    def __init__(self, agents: Agents, clock: Clock) -> None:
        self._agents = agents
        self._clock = clock
        self._clients: Counter[str] = Counter()
        self._telling: dict[str, asyncio.Task[None]] = {}

    def holds(self, kernel_id: str) -> bool:
        """Whether a client is attached to a kernel here."""
        return self._clients[kernel_id] > 0

    @asynccontextmanager
    async def attached(self, kernel_id: str) -> AsyncIterator[None]:
        """A client is attached while the block runs."""
        self._clients[kernel_id] += 1
        told = self._telling.get(kernel_id)
        if told is None or told.done():
            self._telling[kernel_id] = asyncio.create_task(
                self._tell(kernel_id), name=f"attached-{kernel_id}"
            )
        try:
            yield
        finally:
            self._clients[kernel_id] -= 1
            if not self._clients[kernel_id]:
                del self._clients[kernel_id]
                self._telling.pop(kernel_id).cancel()

    async def _tell(self, kernel_id: str) -> None:
        """Tell the agent again and again, for as long as somebody is attached."""
        while True:
            try:
                link = await self._agents.link()
                await link.attach(kernel_id, LEASE_SECONDS)
            except AgentUnavailable as error:
                self._agents.mistrust()
                event("attachment.not_told", kernel_id=kernel_id, error=error.message)
            except YardError as error:
                # It has not reached the agent yet, or has gone; then there is nothing to keep alive.
                event("attachment.not_told", kernel_id=kernel_id, error=error.message)
            except Exception as error:  # noqa: BLE001 - who is attached is told whatever happens
                failure("attachment.failed", error, kernel_id=kernel_id)
            await self._clock.sleep(RENEW_SECONDS)
