"""Releasing: telling the agent which records are stored, so that journals need not keep them as well.

Not at once, for a power failure may take the last moments of a database that had said "stored"; and
not for every few records, for each time costs the agent a write to the disk.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from kernelyard.model.errors import AgentUnavailable, YardError
from kernelyard.model.quantities import Micros
from kernelyard.ports.clock import Clock
from kernelyard.ports.stores import KernelStore
from kernelyard.yard.agents import Agents
from kernelyard.yard.log import event, failure

SAFE_SECONDS = 120.0
"""How long records are stored before a journal may let go of them."""
WORTH_BYTES = 8 * 1024 * 1024
"""Records of one kernel that are worth telling the agent about."""
LOOK_SECONDS = 10.0
LATELY = 200
"""How many of the kernels that ended last are told of once more when a server starts."""


class _Stored(NamedTuple):
    at: Micros
    kernel_id: str
    number: int


class Releases:
    """What is stored, and was not told to the agent yet. Forgotten with the server: it costs space only."""

    def __init__(self) -> None:
        self._untold: dict[str, int] = {}
        self._due: deque[_Stored] = deque()

    def stored(
        self, kernel_id: str, number: int, size: int, at: Micros, *, closed: bool = False
    ) -> None:
        """Records of ``size`` bytes up to ``number`` are stored, and perhaps no more will come."""
        untold = self._untold.pop(kernel_id, 0) + size
        if closed or untold >= WORTH_BYTES:
            self._due.append(_Stored(at, kernel_id, number))
        else:
            self._untold[kernel_id] = untold

    def take(self, until: Micros) -> list[tuple[str, int]]:
        """Take out what was stored by ``until``; of each kernel the last number."""
        found: dict[str, int] = {}
        while self._due and self._due[0].at <= until:
            stored = self._due.popleft()
            found[stored.kernel_id] = stored.number
        return list(found.items())


class Releasing:
    """Tells the agent, now and then."""

    def __init__(
        self, releases: Releases, kernels: KernelStore, agents: Agents, clock: Clock
    ) -> None:
        self._releases = releases
        self._kernels = kernels
        self._agents = agents
        self._clock = clock

    async def run(self) -> None:
        """Tell it until cancelled."""
        await self._begin()
        while True:
            await self._clock.sleep(LOOK_SECONDS)
            safe = self._clock.now() - int(SAFE_SECONDS * 1_000_000)
            for kernel_id, number in self._releases.take(safe):
                await self._tell(kernel_id, number)

    async def _begin(self) -> None:
        """Take up the kernels that ended last: the server before may have died before it told."""
        try:
            lately = await self._kernels.kept(LATELY, newest=True)
        except YardError as error:
            event("releasing.store_away", code=error.code, error=error.message)
            return
        now = self._clock.now()
        for kernel in lately:
            if kernel.stored_number:
                self._releases.stored(kernel.id, kernel.stored_number, 0, now, closed=True)

    async def _tell(self, kernel_id: str, number: int) -> None:
        try:
            await (await self._agents.link()).stored(kernel_id, number)
        except AgentUnavailable as error:
            event("releasing.agent_away", kernel_id=kernel_id, error=error.message)
            self._releases.stored(kernel_id, number, WORTH_BYTES, self._clock.now())
        except YardError as error:
            # Removed, or not what it was: whoever follows it finds that out.
            event("releasing.refused", kernel_id=kernel_id, code=error.code, error=error.message)
        except Exception as error:  # noqa: BLE001 - what is not told costs space and nothing else
            failure("releasing.failed", error, kernel_id=kernel_id)
