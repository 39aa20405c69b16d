"""All that keeps zygotes, put together for one agent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from kernelyard.agent.logs import Log
from kernelyard.agent.places import agent_dir
from kernelyard.agent.spawner.spawner import Spawner, ZygoteReport
from kernelyard.agent.zygote.forethought import Forethought, Groups
from kernelyard.agent.zygote.keeper import Keeper, ZygoteSettings
from kernelyard.agent.zygote.lately import Lately
from kernelyard.agent.zygote.nursery import Nursery
from kernelyard.agent.zygote.preparing import Preparing
from kernelyard.agent.zygote.pressure import Pressure
from kernelyard.agent.zygote.tending import Tending
from kernelyard.providers.catalogue import Catalogue


@dataclass(slots=True)
class Zygotes:
    """The one who chooses, and the one who tends."""

    keeper: Keeper
    tending: Tending
    _running: asyncio.Task[None] | None = field(default=None, init=False)

    def begin(self) -> None:
        """Tend them from now on."""
        self._running = asyncio.create_task(self.tending.run(), name="zygotes")

    async def leave(self, *, end: bool) -> None:
        """Tend them no more, and ``end`` them if no later agent will have kernels to fork."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self.tending.leave()
        if end:
            await self.tending.end_all()

    @classmethod
    def of(
        cls,
        data_dir: Path,
        settings: ZygoteSettings,
        spawner: Spawner,
        catalogue: Catalogue,
        log: Log,
        *,
        groups: Groups,
        short: Callable[[], str] | None = None,
    ) -> Zygotes:
        """Put them together; ``short`` says why memory is short, as the system does unless given."""
        home = agent_dir(data_dir) / "zygotes"
        thinks = Forethought(home, data_dir, spawner, groups, log) if settings.ahead else None
        keeper = Keeper(spawner, settings, Lately(home / "lately.json", log), log, thinks)
        nursery = Nursery(home, spawner, settings.boot_seconds, log)
        preparing = Preparing(catalogue)
        tending = Tending(
            keeper,
            nursery,
            spawner,
            log,
            short=short or Pressure().reason,
            prepare=preparing.wanted,
            own=preparing.own,
        )

        def take_report(report: ZygoteReport) -> None:
            keeper.take_report_ahead(report)
            if not nursery.take_report(report):
                keeper.take_report(report)

        spawner.on_zygote = take_report
        return cls(keeper, tending)
