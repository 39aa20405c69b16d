"""Reaching the agent: placed when needed, placed again when it is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kernelyard.model.errors import AgentUnavailable
from kernelyard.ports.agent_link import AgentLink, Links
from kernelyard.ports.engine import AgentAddress, Engine


class Agents:
    """Knows where the agent is. Losing it is normal; the next call finds or starts one."""

    def __init__(self, engine: Engine, links: Links) -> None:
        self._engine = engine
        self._links = links
        self._address: AgentAddress | None = None
        self._placing = asyncio.Lock()

    async def link(self) -> AgentLink:
        """Return a link to an agent that answered. Raises AgentUnavailable."""
        address = self._address
        if address is None:
            async with self._placing:
                if self._address is None:
                    self._address = await self._engine.place()
                address = self._address
        return self._links.open(address)

    @asynccontextmanager
    async def asked(self) -> AsyncIterator[AgentLink]:
        """A link for one question; an agent that does not answer is looked for again at the next.

        Raises AgentUnavailable.
        """
        try:
            yield await self.link()
        except AgentUnavailable:
            self.mistrust()
            raise

    def present(self) -> AgentLink | None:
        """Return a link to the agent that answered last; None if it is not known to be there."""
        return self._links.open(self._address) if self._address is not None else None

    def mistrust(self) -> None:
        """The agent did not answer: look for it again at the next call."""
        self._address = None
