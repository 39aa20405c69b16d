"""Following: copying one kernel's journal into the store, from a cursor, until it is closed."""

from __future__ import annotations

from collections.abc import Callable

from kernelyard.model.errors import AgentUnavailable, KernelNotFound, StorageFull
from kernelyard.model.kernel_phases import Phase
from kernelyard.model.kernels import Kernel
from kernelyard.model.projection import Projection, project
from kernelyard.model.records import Record
from kernelyard.model.tasks import TaskState
from kernelyard.ports.bell import kernel_topic, settled_topic
from kernelyard.yard.log import event, failure
from kernelyard.yard.world import World

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 15.0
FORGOTTEN = (
    "the agent has no record of this kernel; its directory was removed from outside. "
    "What was stored before is kept"
)


class Following:
    """Follows one kernel. Harmless to repeat: the store ignores what it has."""

    def __init__(self, kernel_no: int, world: World, on_phase: Callable[[], None]) -> None:
        """``on_phase`` is called when the kernel's row has moved to another phase."""
        self._no = kernel_no
        self._store = world.store
        self._agents = world.agents
        self._bell = world.bell
        self._clock = world.clock
        self._on_phase = on_phase

    async def run(self) -> None:
        """Follow until the journal is closed or the kernel removed."""
        pause = _FIRST_PAUSE
        while True:
            kernel = await self._store.kernels.by_no(self._no)
            if kernel is None or kernel.journal_closed:
                return
            before = kernel.stored_number
            try:
                if await self._copy(kernel):
                    return
            except AgentUnavailable as error:
                self._agents.mistrust()
                event("following.cut", kernel_id=kernel.id, error=error.message)
            except StorageFull as error:
                event("following.store_full", kernel_id=kernel.id, error=error.message)
            except KernelNotFound:
                await self._give_up(kernel)
                return
            except Exception as error:  # noqa: BLE001 - a journal is followed whatever happens
                failure("following.failed", error, kernel_id=kernel.id)
            after = await self._store.kernels.by_no(self._no)
            moved = after is not None and after.stored_number > before
            pause = _FIRST_PAUSE if moved else min(pause * 2, _LONGEST_PAUSE)
            await self._clock.sleep(pause)

    async def _copy(self, kernel: Kernel) -> bool:
        """Copy what comes; return whether the journal is at its end."""
        link = await self._agents.link()
        async for records in link.follow(kernel.id, kernel.stored_number):
            if not records:
                continue
            projection = project(records)
            if await self._keep(records, projection) is None:
                return True
            if projection.closed:
                return True
        return False

    async def _keep(self, records: list[Record], projection: Projection) -> int | None:
        stored = await self._store.outputs.append(self._no, records, projection)
        self._bell.ring(kernel_topic(self._no))
        if projection.settles:
            self._bell.ring(settled_topic(self._no))
        if projection.phases:
            self._on_phase()
        return stored

    async def _give_up(self, kernel: Kernel) -> None:
        event("following.forgotten", kernel_id=kernel.id)
        await self._store.kernels.settle(
            self._no, Phase.FAILED, TaskState.LOST, FORGOTTEN, self._clock.now()
        )
        self._bell.ring(kernel_topic(self._no))
        self._bell.ring(settled_topic(self._no))
