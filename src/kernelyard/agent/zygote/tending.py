"""Keeping zygotes in the background: started when it is quiet, replaced, limited, ended for want of memory."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from kernelyard.agent.journal import wall_clock
from kernelyard.agent.logs import Log
from kernelyard.agent.waiting import happens
from kernelyard.agent.zygote.keeper import CALM_SECONDS, Keeper
from kernelyard.agent.zygote.keys import Recipe, Unfit, Wanted
from kernelyard.agent.zygote.nursery import Nursery, Spawns
from kernelyard.agent.zygote.own_code import own_code
from kernelyard.agent.zygote.zygote import Zygote
from kernelyard.model.errors import YardError

T = TypeVar("T")
_THERE = ("booting", "ready")
TICK_SECONDS = 2.0
QUIET_SECONDS = 10.0
"""How long the start of a zygote waits for those of kernels to be over."""
REST_SECONDS = 30.0
"""One that was used within this time gives up its place to no other."""
RELIEF_SECONDS = 60.0
"""How long one that was ended for want of memory is not started again."""
LOOK_SECONDS = 60.0
"""How often all files are looked at of which a zygote has taken something."""


class Tending:
    """What a keeper's zygotes need, done by one task; one is started at a time."""

    def __init__(
        self,
        keeper: Keeper,
        nursery: Nursery,
        spawner: Spawns,
        log: Log,
        *,
        short: Callable[[], str],
        prepare: Callable[[Recipe], Awaitable[Wanted]],
        own: Callable[[], Awaitable[Recipe | None]],
    ) -> None:
        """``short`` says why memory is short, or nothing; ``prepare`` what a recipe leads to, and
        ``own`` what kernels of the agent's own environment are started from."""
        self._keeper = keeper
        self._nursery = nursery
        self._spawner = spawner
        self._log = log
        self._short = short
        self._prepare = prepare
        self._own = own
        self._booting: asyncio.Task[None] | None = None
        self._looked = time.monotonic()

    @property
    def booting(self) -> bool:
        """Whether one is being started, or waits for its turn."""
        return self._booting is not None and not self._booting.done()

    async def run(self) -> None:
        """Work until cancelled."""
        if self._keeper.settings.most <= 0:
            await self._end_all()
            return
        await self.find()
        # Providers may take their time, and kernels that are asked for meanwhile have a say, too.
        beginning = asyncio.create_task(self._begin(), name="zygotes used of late")
        try:
            while True:
                self._keeper.wake.clear()
                await self._tend_safely()
                await happens(self._keeper.wake, TICK_SECONDS)
        finally:
            ending = [one for one in (beginning, self._booting) if one is not None]
            for one in ending:
                one.cancel()
            await asyncio.gather(*ending, return_exceptions=True)

    async def find(self) -> None:
        """Take over what an earlier agent has left with the spawner; end what nobody knows."""
        keeper, known = self._keeper, set[str]()
        code = await asyncio.to_thread(own_code)
        for name, report in list(self._spawner.zygotes.items()):
            if report.state not in _THERE:
                continue
            kept = self._nursery.found(name)
            usable = kept is not None and report.state == "ready" and kept.pid == report.pid
            if kept is None or not usable or kept.code != code or name in keeper.zygotes:
                await self._nursery.put_away(name)
                continue
            zygote = keeper.zygotes[name] = Zygote(name)
            zygote.is_found(kept)
            known.add(name)
            self._log.info("zygote.found", zygote=name, pid=report.pid)
        self._nursery.sweep(known | keeper.zygotes.keys())

    async def tend(self) -> None:
        """Do what is to be done now."""
        await self._end_leaving()
        await asyncio.to_thread(self._keeper.lately.keep)
        self._keeper.pressure = await asyncio.to_thread(self._short)
        if self._keeper.pressure:
            self._give_way(self._keeper.pressure)
        else:
            self._thin_out()
            await self._look()
            self._boot_one()
        await self._end_leaving()
        self._think_ahead()

    async def end_all(self) -> None:
        """End every zygote that there is."""
        if self._booting is not None:
            self._booting.cancel()
            await asyncio.gather(self._booting, return_exceptions=True)
        await self._end_all()

    async def leave(self) -> None:
        """Have no kernel any more that was forked ahead; only we know of it."""
        if (forethought := self._keeper.forethought) is not None:
            await forethought.leave(list(self._keeper.zygotes.values()))

    async def _end_all(self) -> None:
        names = [name for name, one in self._spawner.zygotes.items() if one.state in _THERE]
        await asyncio.gather(*(self._nursery.put_away(name) for name in names))
        self._nursery.sweep(set())

    async def _tend_safely(self) -> None:
        try:
            await self.tend()
        except Exception:  # noqa: BLE001 - kernels must not wait for zygotes
            # Kernels are started as new programs then; those who look in the log see why.
            self._log.exception("zygotes.not_tended")

    async def _begin(self) -> None:
        """Want what was used of late, and what the agent itself runs on."""
        most = self._keeper.settings.most
        recipes = self._keeper.lately.recipes[:most]
        own = await self._safely(self._own())
        if own is not None and own not in recipes and len(recipes) < most:
            recipes.append(own)
        # What is wanted last counts as used last.
        for recipe in reversed(recipes):
            wanted = await self._safely(self._prepare(recipe))
            if wanted is None:
                self._keeper.lately.drop(recipe)
            elif wanted.name not in self._keeper.zygotes:
                self._keeper.want(wanted)

    async def _safely(self, coming: Awaitable[T | None]) -> T | None:
        try:
            return await coming
        except (YardError, Unfit):
            return None
        except Exception:  # noqa: BLE001 - a provider may be anybody's
            self._log.exception("zygotes.not_prepared")
            return None

    async def _end_leaving(self) -> None:
        leaving = [one for one in self._keeper.zygotes.values() if one.leaving]
        await asyncio.gather(*(self._nursery.end(one) for one in leaving))

    def _give_way(self, pressure: str) -> None:
        """Let what is forked ahead go, else the zygote that was not used for longest; the next at the next turn."""
        forethought, ahead = self._keeper.forethought, [one for one in self._ready() if one.ahead]
        if forethought is not None and ahead:
            for one in ahead:
                forethought.forget(one)
        elif there := self._ready():
            there[0].is_stale(f"it was ended for want of memory: {pressure}")
            there[0].retry = time.monotonic() + RELIEF_SECONDS
        for one in self._keeper.zygotes.values():
            if one.state == "waiting":
                one.reason = f"none is started for want of memory: {pressure}"

    def _think_ahead(self) -> None:
        """Have a kernel forked ahead where there is none, while nothing else is done and there is memory."""
        keeper, forethought = self._keeper, self._keeper.forethought
        if forethought is None:
            return
        calm = keeper.quiet.is_set() and time.monotonic() - keeper.calm_at >= CALM_SECONDS
        for one in list(keeper.zygotes.values()):
            forethought.tidy(one)
            if calm and not self.booting and not keeper.pressure:
                forethought.begin(one)

    def _thin_out(self) -> None:
        """End what is too old, to be replaced, and what is too many."""
        ready = self._ready()
        for one in ready[: max(0, len(ready) - self._keeper.settings.most)]:
            one.is_stale("as many others as may be are in use")
            one.wanted = None
        oldest = wall_clock() - int(self._keeper.settings.age_seconds * 1_000_000)
        for one in self._ready():
            if (one.ready_at or 0) < oldest:
                one.is_stale("it is replaced, for it has become old")

    async def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked < LOOK_SECONDS:
            return
        self._looked = now
        for one in self._ready():
            if one.fingerprint is None:
                continue
            changed = await asyncio.to_thread(one.fingerprint.changed_anywhere)
            if changed and one.state == "ready":
                self._log.info("zygote.stale", zygote=one.name, changed=changed)
                one.has_changed(f"its environment has changed ({changed})")

    def _boot_one(self) -> None:
        """Begin to start one that is wanted, if there is room and none is being started."""
        if self.booting:
            return
        now = time.monotonic()
        waiting = [one for one in self._keeper.zygotes.values() if one.may_boot(now)]
        if not waiting:
            return
        wanted = max(waiting, key=lambda one: one.used)
        if len(self._ready()) >= self._keeper.settings.most and not self._made_room(now):
            wanted.reason = "as many others as may be are in use"
            return
        self._booting = asyncio.create_task(self._boot(wanted), name=f"zygote {wanted.name}")

    def _made_room(self, now: float) -> bool:
        first = self._ready()[0]
        if now - first.used < REST_SECONDS:
            return False
        first.is_stale("it gave its place to another")
        first.wanted = None
        return True

    async def _boot(self, zygote: Zygote) -> None:
        zygote.state = "waiting"
        zygote.reason = "it is being prepared"
        await happens(self._keeper.quiet, QUIET_SECONDS)
        await self._end_leaving()
        try:
            await self._nursery.boot(zygote)
        except OSError as error:
            zygote.failed(f"it could not be started: {error}")
        finally:
            self._keeper.wake.set()

    def _ready(self) -> list[Zygote]:
        """Those that are ready, the one first that was not used for longest."""
        found = [one for one in self._keeper.zygotes.values() if one.state == "ready"]
        return sorted(found, key=lambda one: one.used)
