"""Leasing: which kernels this server looks after, where others have the same store open.

All leases of a server are prolonged together, long before they run out. If that cannot be done in
time, they are given up here before they are free for others.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine, Iterable
from typing import Protocol
from uuid import uuid4

from kernelyard.ports.clock import Clock
from kernelyard.ports.stores import Lease, LeaseStore
from kernelyard.yard.log import event, failure

LEASE_SECONDS = 12.0
ROUND_SECONDS = 2.0
"""How often free kernels are looked for; leases are prolonged every other time."""
MARGIN_SECONDS = 2.0
"""So long before they run out, leases that could not be prolonged are given up."""
_AT_ONCE = 200
_GOODBYE_SECONDS = 3.0
_MICROS = 1_000_000


class Tending(Protocol):
    """Whoever does the work that is leased."""

    def hold(self, kernel_no: int) -> None:
        """This kernel is ours; it may have been before."""
        ...

    def hold_only(self, kernel_nos: Iterable[int]) -> None:
        """These are ours and no others."""
        ...


class Leasing:
    """Claims kernels, prolongs what it has, and gives everything back at an orderly end."""

    def __init__(self, leases: LeaseStore, clock: Clock, tending: Tending) -> None:
        self._leases = leases
        self._clock = clock
        self._tending = tending
        self._holder = uuid4().hex
        self._closing = False
        self._claimed: set[int] = set()
        """Claimed while a prolonging was under way, which may not know of it."""
        self._runs_out = 0
        self._pause: asyncio.Future[None] | None = None
        self._loop: asyncio.Task[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._errands: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Claim what is free now, and go on doing so."""
        await self._renew()
        await self._claim()
        self._loop = _alone(self._rounds(), "leasing")
        self._watch = _alone(self._give_up_in_time(), "leases run out")

    def ask_for(self, kernel_no: int) -> None:
        """Claim this kernel soon, unless somebody holds it."""
        self._errand(self._claim_one(kernel_no))

    def give_back(self, kernel_no: int) -> None:
        """Nothing is to be done for this kernel any more."""
        self._errand(self._leases.release(self._holder, kernel_no))

    async def aclose(self) -> None:
        """Stop claiming. What is held stays held until ``release``."""
        self._closing = True
        if self._pause is not None:
            self._pause.cancel()
        last = {*self._errands, *((self._loop,) if self._loop else ())}
        if last:
            await asyncio.wait(last, timeout=_GOODBYE_SECONDS)
        left = [*last, *((self._watch,) if self._watch else ())]
        for work in left:
            work.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    async def release(self) -> None:
        """Give everything back, so that others need not wait until it runs out."""
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self._leases.release(self._holder)
        except Exception as error:  # noqa: BLE001 - then the leases run out by themselves
            event("leases.not_released", error=str(error))

    async def _rounds(self) -> None:
        turn = 0
        while not self._closing:
            self._pause = asyncio.ensure_future(self._clock.sleep(ROUND_SECONDS))
            await asyncio.wait((self._pause,))
            turn += 1
            if not self._closing:
                await self._tried(self._round(renew=turn % 2 == 0))

    async def _round(self, *, renew: bool) -> None:
        if renew:
            await self._renew()
        await self._claim()

    async def _renew(self) -> None:
        lease = self._lease()
        self._claimed.clear()
        held = await self._leases.renew(lease)
        self._runs_out = lease.now + lease.micros
        self._tending.hold_only({*held, *self._claimed})

    async def _claim(self) -> None:
        while not self._closing:
            claimed = await self._leases.claim(self._lease(), _AT_ONCE)
            for kernel_no in claimed:
                self._hold(kernel_no)
            if claimed:
                event("leases.claimed", kernels=len(claimed))
            if len(claimed) < _AT_ONCE:
                return

    async def _claim_one(self, kernel_no: int) -> None:
        if await self._leases.claim_one(self._lease(), kernel_no):
            self._hold(kernel_no)

    def _hold(self, kernel_no: int) -> None:
        self._claimed.add(kernel_no)
        self._tending.hold(kernel_no)

    async def _give_up_in_time(self) -> None:
        while True:
            left = self._runs_out - self._clock.now() - int(MARGIN_SECONDS * _MICROS)
            if left <= 0:
                self._tending.hold_only(())
            await self._clock.sleep(left / _MICROS if left > 0 else ROUND_SECONDS)

    def _lease(self) -> Lease:
        return Lease(
            holder=self._holder, now=self._clock.now(), micros=int(LEASE_SECONDS * _MICROS)
        )

    def _errand(self, work: Coroutine[object, object, None]) -> None:
        if self._closing:
            work.close()
            return
        errand = _alone(self._tried(work), "lease")
        self._errands.add(errand)
        errand.add_done_callback(self._errands.discard)

    async def _tried(self, work: Coroutine[object, object, None]) -> None:
        try:
            await work
        except Exception as error:  # noqa: BLE001 - it is tried again in the next round
            failure("leases.failed", error)


def _alone(work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
    """A task whose log lines are not those of the request that happened to begin it."""
    return asyncio.create_task(work, name=name, context=contextvars.Context())
