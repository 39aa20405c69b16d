"""Retention: outputs of ended kernels are kept for a time or up to a size, and then removed.

A sweeper works in small portions with pauses, so that nobody who reads or follows has to wait for it.
Everything it does may be repeated, by itself after a crash or by other servers at the same time.
"""

from __future__ import annotations

from collections.abc import Sequence

from kernelyard.model.errors import AgentUnavailable, Unavailable, YardError
from kernelyard.model.kernel_phases import Wanted
from kernelyard.model.kernels import Kernel
from kernelyard.model.quantities import Micros
from kernelyard.ports.bell import events_topic, kernel_topic, settled_topic
from kernelyard.yard.caretakers import Caretakers
from kernelyard.yard.log import event, failure
from kernelyard.yard.world import World

PORTION = 20
"""Kernels that are looked at in one go."""
PAUSE_SECONDS = 1.0
"""Between two portions."""
LOOK_SECONDS = 60.0
"""Between two looks when nothing was to be done."""
TRIES_SECONDS = 600.0
"""After which removals that a crash has left half done are looked for again."""
EXPIRED = "kept as long as 'keep_kernels' says"


class Retention:
    """Sweeps away what was kept long enough."""

    def __init__(self, world: World, caretakers: Caretakers) -> None:
        self._store = world.store
        self._agents = world.agents
        self._bell = world.bell
        self._clock = world.clock
        self._limits = world.limits
        self._caretakers = caretakers
        self._looked_for_halves: Micros | None = None

    @property
    def wanted(self) -> bool:
        """Whether anything is ever to be removed."""
        limits = self._limits
        return any(
            (limits.keep_outputs_seconds, limits.keep_outputs_bytes, limits.keep_kernels_seconds)
        )

    async def run(self) -> None:
        """Sweep until cancelled."""
        while self.wanted:
            swept = False
            try:
                swept = await self.sweep()
            except YardError as error:
                event("retention.waits", code=error.code, error=error.message)
            except Exception as error:  # noqa: BLE001 - what cannot be removed now can be later
                failure("retention.failed", error)
            await self._clock.sleep(PAUSE_SECONDS if swept else LOOK_SECONDS)

    async def sweep(self) -> bool:
        """Remove one portion of what is due; return whether there was anything.

        Raises AgentUnavailable, StorageFull.
        """
        expired = await self._expired()
        for kernel in expired:
            await self._delete(kernel)
        removed = False
        for kernel in [] if expired else await self._due():
            try:
                await self._remove_outputs(kernel)
                removed = True
            except Unavailable:
                raise
            except YardError as error:
                # One that cannot be removed must not keep the others.
                event("retention.not_removed", kernel_id=kernel.id, error=error.message)
        return bool(expired) or removed

    async def _expired(self) -> Sequence[Kernel]:
        seconds = self._limits.keep_kernels_seconds
        if not seconds:
            return ()
        return await self._store.kernels.ended(self._ago(seconds), PORTION)

    async def _due(self) -> Sequence[Kernel]:
        """Kernels whose outputs are to be removed: half removed, kept for long, or too many."""
        kernels = self._store.kernels
        now = self._clock.now()
        last = self._looked_for_halves
        if last is None or now - last >= TRIES_SECONDS * 1_000_000:
            if halves := await kernels.half_removed():
                return halves[:PORTION]
            self._looked_for_halves = now
        seconds = self._limits.keep_outputs_seconds
        if seconds and (old := await kernels.kept(PORTION, ended_by=self._ago(seconds))):
            return old
        most = self._limits.keep_outputs_bytes
        # In this order: what another server removes in between is then among the oldest here, too.
        oldest = await kernels.kept(PORTION) if most else []
        return _first(oldest, await kernels.kept_bytes() - most if oldest else 0)

    async def _remove_outputs(self, kernel: Kernel) -> None:
        """Remove what the kernel said, and its files beside the agent."""
        try:
            await (await self._agents.link()).forget(kernel.id)
        except AgentUnavailable:
            self._agents.mistrust()
            raise
        await self._store.kernels.remove_outputs(kernel.no, self._clock.now())
        self._bell.ring(kernel_topic(kernel.no))
        event("retention.outputs_removed", kernel_id=kernel.id, bytes=kernel.stored_bytes)

    async def _delete(self, kernel: Kernel) -> None:
        """Delete it as its owner would."""
        now = self._clock.now()
        await self._store.kernels.want(kernel.no, Wanted.GONE, EXPIRED, now)
        self._caretakers.attend(kernel.no)
        self._bell.ring(kernel_topic(kernel.no))
        self._bell.ring(settled_topic(kernel.no))
        self._bell.ring(events_topic())
        event("retention.kernel_deleted", kernel_id=kernel.id)

    def _ago(self, seconds: float) -> Micros:
        return self._clock.now() - round(seconds * 1_000_000)


def _first(kernels: Sequence[Kernel], excess: int) -> Sequence[Kernel]:
    """As many of the first as take up ``excess`` bytes."""
    taken = 0
    while taken < len(kernels) and excess > 0:
        excess -= kernels[taken].stored_bytes
        taken += 1
    return kernels[:taken]
