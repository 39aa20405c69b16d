"""Following: copying one kernel's journal into the store, from a cursor, until it is closed."""

from __future__ import annotations

import logging
from collections.abc import Callable

from kernelyard.model.errors import (
    AgentUnavailable,
    Invalid,
    KernelNotFound,
    RecordsGone,
    Unavailable,
)
from kernelyard.model.kernel_phases import Phase
from kernelyard.model.kernels import Kernel
from kernelyard.model.projection import Projection, project
from kernelyard.model.quantities import Micros
from kernelyard.model.records import Record
from kernelyard.model.tasks import TaskState
from kernelyard.ports.agent_link import AgentLink
from kernelyard.ports.bell import (
    events_topic,
    kernel_topic,
    pools_topic,
    quotas_topic,
    settled_topic,
)
from kernelyard.yard.gaps import bridged
from kernelyard.yard.log import event, failure
from kernelyard.yard.tails import Tail
from kernelyard.yard.world import World

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 15.0
DIVERGED = (
    "its journal on the disk has lost records that the server had stored, as after a power failure; "
    "nobody can know what it had run since, so it was ended. What was stored is kept"
)
FORGOTTEN = (
    "the agent has no record of this kernel; its directory was removed from outside. "
    "What was stored before is kept"
)


class Following:
    """Follows one kernel. Harmless to repeat: the store ignores what it has."""

    def __init__(
        self,
        kernel_no: int,
        world: World,
        on_phase: Callable[[], None],
        known: Kernel | None = None,
    ) -> None:
        """``on_phase`` is called when the kernel's row has moved to another phase.

        ``known`` is the kernel if nobody can have stored records of it since it was read.
        """
        self._no = kernel_no
        self._store = world.store
        self._agents = world.agents
        self._bell = world.bell
        self._clock = world.clock
        self._on_phase = on_phase
        self._releases = world.releases
        self._hearings = world.hearings
        self._tails = world.tails
        self._known = known
        self._first: int | None = None
        """The first record that the journal has, if it was cut behind what is stored."""

    async def run(self) -> None:
        """Follow until the journal is closed or the kernel removed."""
        pause = _FIRST_PAUSE
        while True:
            kernel, self._known = self._known, None
            kernel = kernel or await self._store.kernels.by_no(self._no)
            if kernel is None or kernel.journal_closed:
                return
            before = kernel.stored_number
            if await self._attempt(kernel):
                return
            after = await self._store.kernels.by_no(self._no)
            moved = after is not None and after.stored_number > before
            pause = _FIRST_PAUSE if moved else min(pause * 2, _LONGEST_PAUSE)
            await self._clock.sleep(pause)

    async def _attempt(self, kernel: Kernel) -> bool:
        """Copy until something comes in between; return whether nothing remains to be done."""
        try:
            return await self._copy(kernel)
        except AgentUnavailable as error:
            self._agents.mistrust()
            event("following.cut", kernel_id=kernel.id, error=error.message)
        except Unavailable as error:
            event(
                "following.store_away",
                kernel_id=kernel.id,
                code=error.code,
                error=error.message,
            )
        except KernelNotFound:
            await self._give_up(kernel, FORGOTTEN)
            return True
        except RecordsGone as gone:
            # The store was set back: what lies between is lost, and the kernel goes on.
            self._first = gone.first
            event("following.records_gone", kernel_id=kernel.id, error=gone.message)
        except Invalid as error:
            event("following.diverged", kernel_id=kernel.id, error=error.message)
            if await self._ended(kernel):
                await self._give_up(kernel, DIVERGED)
                return True
        except Exception as error:  # noqa: BLE001 - a journal is followed whatever happens
            failure("following.failed", error, kernel_id=kernel.id)
        return False

    async def _copy(self, kernel: Kernel) -> bool:
        """Copy what comes; return whether the journal is at its end."""
        link = await self._agents.link()
        begin = await self._begin(kernel)
        with self._hearings.telling(self._no), self._tails.followed(self._no, begin[0]) as tail:
            # Where records have been lost, others than those that come are stored first.
            return await self._copy_from(link, kernel, begin, None if self._first else tail)

    async def _copy_from(
        self, link: AgentLink, kernel: Kernel, begin: tuple[int, Micros | None], tail: Tail | None
    ) -> bool:
        if tail is None:
            self._tails.forget(self._no)
        async for records in link.follow(kernel.id, *begin, tail):
            if not records:
                continue
            if self._first is not None:
                records = await bridged(self._store, kernel, records)
                self._first = None
            projection = project(records)
            stored = await self._keep(records, projection)
            if kernel.waits and projection.phases:
                self._bell.ring(pools_topic())
            if stored is None:
                return True
            _tell(kernel.id, projection)
            now = self._clock.now()
            closed = projection.closed
            self._releases.stored(kernel.id, stored, projection.size, now, closed=closed)
            if projection.closed:
                return True
        return False

    async def _begin(self, kernel: Kernel) -> tuple[int, Micros | None]:
        """Behind which record to follow, and its time if it can be told."""
        if self._first is not None and self._first > kernel.stored_number:
            return self._first - 1, None
        if not kernel.stored_number:
            return 0, None
        last = await self._store.outputs.read(self._no, kernel.stored_number - 1, limit=1)
        return kernel.stored_number, last[0].at if last else None

    async def _keep(self, records: list[Record], projection: Projection) -> int | None:
        stored = await self._store.outputs.append(self._no, records, projection)
        if stored is not None:
            self._hearings.tell(self._no, records, stored)
            if (tail := self._tails.of(self._no)) is not None:
                tail.keep(stored)
        self._bell.ring(kernel_topic(self._no))
        if projection.settles:
            self._bell.ring(settled_topic(self._no))
        if projection.phases or projection.tasks:
            self._bell.ring(events_topic())
        if projection.phases:
            self._on_phase()
            if any(step.phase is not None and step.phase.is_final for step in projection.phases):
                self._bell.ring(quotas_topic())
        return stored.number if stored is not None else None

    async def _ended(self, kernel: Kernel) -> bool:
        """End a kernel whose journal cannot be trusted any more; return whether that was heard."""
        try:
            await (await self._agents.link()).stop(kernel.id, DIVERGED)
        except AgentUnavailable:
            return False
        return True

    async def _give_up(self, kernel: Kernel, reason: str) -> None:
        event("following.given_up", kernel_id=kernel.id, reason=reason)
        await self._store.kernels.settle(
            self._no, Phase.FAILED, TaskState.LOST, reason, self._clock.now()
        )
        self._bell.ring(kernel_topic(self._no))
        self._bell.ring(settled_topic(self._no))
        self._bell.ring(events_topic())
        self._bell.ring(quotas_topic())


def _tell(kernel_id: str, projection: Projection) -> None:
    for step in projection.phases:
        event("kernel.moved", kernel_id=kernel_id, phase=step.phase, reason=step.reason)
    for task in projection.tasks:
        # That all goes well is what the store's events tell, and happens too often for the log.
        goes_well = task.state in (TaskState.RUNNING, TaskState.SUCCEEDED)
        event(
            "task.moved",
            level=logging.DEBUG if goes_well else logging.INFO,
            kernel_id=kernel_id,
            task_id=task.id,
            task_number=task.seq,
            state=task.state,
            reason=task.reason,
        )
