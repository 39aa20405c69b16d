"""Events: every state change of kernels, tasks and images, by number, as it happens and ever after."""

from __future__ import annotations

from collections.abc import AsyncIterator

from kernelyard.model.errors import CursorBeyondEnd, Invalid
from kernelyard.model.kernels import EventPage, StateChange
from kernelyard.model.paging import checked_limit
from kernelyard.model.principals import Principal, Scope
from kernelyard.ports.bell import events_topic
from kernelyard.yard.sharing import Batch, Crowds, Followed
from kernelyard.yard.watching import watch
from kernelyard.yard.world import World

_BATCH = 1000
_POLL_SECONDS = 5.0
_PACE_SECONDS = 0.1
"""The topic rings for everybody's changes; each follower looks for his own no more often than that."""


Changes = Batch[StateChange, None]


class Events:
    """One row of numbers for the whole store is the cursor for paging, following and coming back.

    The events of a deleted kernel vanish with it. Busy and idle are told by a kernel's tasks.
    """

    def __init__(self, world: World) -> None:
        self._store = world.store
        self._limits = world.limits
        self._crowds = Crowds[StateChange, None](world.bell)

    async def page(
        self,
        who: Principal,
        after: int,
        limit: int | None,
        kernel_id: str | None = None,
        *,
        images_only: bool = False,
    ) -> EventPage:
        """Return some events after number ``after``; of one kernel if ``kernel_id`` is given.

        With ``images_only`` those of images, which are everybody's.

        Raises KernelNotFound, Invalid, CursorBeyondEnd.
        """
        who.must(Scope.READ)
        size = checked_limit(limit, largest=self._limits.largest_page)
        kernel_no = await self._kernel_no(who, kernel_id, images_only=images_only)
        newest = await self._checked_end(after)
        events = await self._store.events.read(
            after, owner=who.sees, kernel_no=kernel_no, images_only=images_only, limit=size
        )
        last = events[-1].number if events else after
        return EventPage(events, last, max(newest, last))

    async def follow(
        self,
        who: Principal,
        after: int,
        kernel_id: str | None = None,
        *,
        images_only: bool = False,
    ) -> AsyncIterator[Changes]:
        """Return an iterator over events after ``after``, those to come included.

        It has no end; an empty batch now and then is a sign of life. If ``kernel_id`` is given and
        that kernel is deleted, the iterator raises KernelNotFound. Raises KernelNotFound, Invalid,
        CursorBeyondEnd before the first event.
        """
        who.must(Scope.READ)
        kernel_no = await self._kernel_no(who, kernel_id, images_only=images_only)
        await self._checked_end(after)

        async def read(after: int) -> Changes:
            events = await self._store.events.read(
                after, owner=who.sees, kernel_no=kernel_no, images_only=images_only, limit=_BATCH
            )
            if not events:
                await self._kernel_no(who, kernel_id)
            return Batch(events, more=len(events) == _BATCH)

        return watch(
            self._crowds,
            Followed((who.sees, kernel_id, images_only), events_topic(), read),
            after,
            poll=_POLL_SECONDS,
            pace=_PACE_SECONDS,
        )

    async def _kernel_no(
        self, who: Principal, kernel_id: str | None, *, images_only: bool = False
    ) -> int | None:
        if kernel_id is None:
            return None
        if images_only:
            raise Invalid(
                "Ask for the events of images or for those of one kernel.", field="kernel"
            )
        return (await self._store.kernels.get(kernel_id, who.sees)).no

    async def _checked_end(self, after: int) -> int:
        if after < 0:
            raise Invalid("'after' must be 0 or the number of an event.", field="after")
        newest = await self._store.events.last()
        if after > newest:
            raise CursorBeyondEnd(
                f"'after' is {after}, and this server's events are numbered up to {newest}. A number "
                "is good for its own server only; begin again with after=0.",
                field="after",
            )
        return newest
