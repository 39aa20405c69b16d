"""The audit trail is written here: what changes who may do what at once, everything else in batches.

What is done to tasks and kernels is written by a writer of its own, a moment later and together: so nobody
who runs code waits for a transaction more. Only a server that is killed within that moment leaves
something out, and then the tasks and kernels themselves are there and tell their owner and their time.
"""

from __future__ import annotations

import asyncio
import logging

from kernelyard.model.audit import Action, AuditEntry, AuditQuery
from kernelyard.model.errors import Unavailable, YardError
from kernelyard.model.paging import checked_limit, decode_cursor, encode_cursor
from kernelyard.model.principals import Principal, Scope
from kernelyard.ports.clock import Clock
from kernelyard.ports.people_store import AuditStore
from kernelyard.yard.limits import Limits
from kernelyard.yard.log import event, failure

GATHER_SECONDS = 0.2
"""How long deeds are gathered before they are written."""
MOST_WAITING = 20_000
"""Deeds that wait while the store cannot be written; of more the oldest are given up, which is logged."""
AT_ONCE = 500
"""Deeds that are written together, or given up together while a write does not come to its end."""
SWEEP_SECONDS = 600.0
"""Between two looks for entries that were kept long enough."""
PORTION = 1000
AWAY_SECONDS = 1.0


class AuditTrail:
    """Who did what."""

    def __init__(self, store: AuditStore, clock: Clock, limits: Limits) -> None:
        self._store = store
        self._clock = clock
        self._keep_seconds = limits.keep_audit_seconds
        self._largest_page = limits.largest_page
        self._waiting: list[AuditEntry] = []
        self._something = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._writing: asyncio.Task[bool] | None = None

    def note(self, who: Principal, action: Action, subject: str, **details: str) -> None:
        """Write down, in a moment, that ``who`` did something."""
        self._waiting.append(
            AuditEntry(
                at=self._clock.now(),
                user=who.name,
                token_id=who.token_id,
                address=who.address,
                action=action,
                subject=subject,
                details=details,
            )
        )
        self._something.set()
        if len(self._waiting) >= MOST_WAITING + AT_ONCE:
            self._give_up_the_oldest()

    async def write(self, who: Principal, action: Action, subject: str, **details: str) -> None:
        """Write it down now. What is done is done: if that fails it is tried again later."""
        self.note(who, action, subject, **details)
        await self._tried()

    async def list(
        self, who: Principal, asked: AuditQuery, cursor: str | None, limit: int | None
    ) -> tuple[list[AuditEntry], str | None]:
        """Return a page of entries, newest first, and the cursor of the next page.

        ``asked`` narrows it. Raises Forbidden for users, Invalid.
        """
        who.must(Scope.ADMIN)
        size = checked_limit(limit, largest=self._largest_page)
        await self._tried()
        page = await self._store.find(
            AuditQuery(
                user=asked.user,
                action=asked.action,
                subject=asked.subject,
                since=asked.since,
                before=decode_cursor(cursor),
                limit=size,
            )
        )
        return page.items, encode_cursor(page.next) if page.next is not None else None

    async def run(self) -> None:
        """Write down what is noted, until cancelled."""
        while True:
            await self._something.wait()
            await self._clock.sleep(GATHER_SECONDS)
            # Whoever cancels this does not cancel what is being written, which would leave in doubt
            # whether it was.
            self._writing = asyncio.create_task(self._tried())
            if not await asyncio.shield(self._writing):
                await self._clock.sleep(AWAY_SECONDS)

    async def sweep(self) -> None:
        """Forget now and then what was kept long enough, until cancelled."""
        while self._keep_seconds:
            try:
                while await self.forget_old():
                    await self._clock.sleep(AWAY_SECONDS)
            except YardError as error:
                event("audit.waits", code=error.code)
            except Exception as error:  # noqa: BLE001 - what cannot be removed now can be later
                failure("audit.not_swept", error)
            await self._clock.sleep(SWEEP_SECONDS)

    async def forget_old(self) -> int:
        """Forget a portion of what was kept long enough; return how much that was."""
        before = self._clock.now() - round(self._keep_seconds * 1_000_000)
        return await self._store.forget(before, PORTION)

    async def aclose(self) -> None:
        """Write down what is left."""
        await self._tried()

    async def _tried(self) -> bool:
        """Write all that waits; return whether that could be done."""
        try:
            async with self._one_at_a_time:
                await self._flush()
        except Unavailable as error:
            event("audit.waits", code=error.code, entries=len(self._waiting))
        except Exception as error:  # noqa: BLE001 - nobody's work may fail for it
            failure("audit.not_written", error, entries=len(self._waiting))
        else:
            return True
        self._give_up_the_oldest()
        return False

    async def _flush(self) -> None:
        self._something.clear()
        while self._waiting:
            some = self._waiting[:AT_ONCE]
            del self._waiting[: len(some)]
            try:
                await self._store.write(some)
            except BaseException:
                self._waiting[:0] = some
                self._something.set()
                raise

    def _give_up_the_oldest(self) -> None:
        excess = len(self._waiting) - MOST_WAITING
        if excess > 0:
            del self._waiting[:excess]
            event("audit.lost", level=logging.ERROR, entries=excess)


def described(**details: object) -> dict[str, str]:
    """Details of a deed in words; what is not given is left out."""
    return {key: str(value) for key, value in details.items() if value not in (None, "")}
