"""Waiting for kernels that are about to be launched."""

from __future__ import annotations

import asyncio

from kernelyard.agent.waiting import happens

ARRIVAL_SECONDS = 20.0


class Arrivals:
    """Knows for which kernels somebody waits."""

    def __init__(self) -> None:
        self._awaited: dict[str, asyncio.Event] = {}

    async def of(self, kernel_id: str) -> None:
        """Wait until a kernel comes, or for some seconds."""
        arrival = self._awaited.setdefault(kernel_id, asyncio.Event())
        await happens(arrival, ARRIVAL_SECONDS)
        self._awaited.pop(kernel_id, None)

    def tell(self, kernel_id: str) -> None:
        """A kernel has come."""
        if (arrival := self._awaited.get(kernel_id)) is not None:
            arrival.set()
