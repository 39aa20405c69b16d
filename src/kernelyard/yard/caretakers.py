"""Caretakers: one per kernel that something is still to be done for.

A caretaker closes the gap between what is wanted and where the kernel is, hands its tasks to the
agent in order, and keeps the following of its journal going. Everything it does may be repeated, so a
server that starts simply gives every unfinished kernel a caretaker. Where several servers have the
store open, each does so for the kernels that it has leased, and rings for the others.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine, Iterable
from dataclasses import dataclass

from kernelyard.model.kernels import Kernel
from kernelyard.model.tasks import Task
from kernelyard.ports.bell import care_topic
from kernelyard.yard.leasing import Leasing
from kernelyard.yard.log import event, failure
from kernelyard.yard.reconcile import Caretaker
from kernelyard.yard.world import World

_LISTEN_SECONDS = 60.0


@dataclass(slots=True)
class _Tended:
    """A kernel that is looked after here."""

    caretaker: Caretaker
    work: asyncio.Task[None]
    listening: asyncio.Task[None] | None


class Caretakers:
    """The caretakers of this server. Use as an async context manager."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._bell = world.bell
        self._at_work: dict[int, _Tended] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._closed = False
        leased = world.store.shared
        self._leasing = Leasing(world.store.leases, world.clock, self) if leased else None

    async def start(self) -> None:
        """Give every unfinished kernel a caretaker, or each that no other server looks after."""
        if self._leasing is not None:
            await self._leasing.start()
            return
        for kernel in await self._world.store.kernels.unfinished():
            self.hold(kernel.no)

    async def aclose(self) -> None:
        """Send all caretakers home. Kernels go on under their agent."""
        if self._leasing is not None:
            await self._leasing.aclose()
        self._closed = True
        for kernel_no in list(self._at_work):
            self._dismiss(kernel_no)
        if self._leaving:
            await asyncio.wait(self._leaving)
        if self._leasing is not None:
            await self._leasing.release()

    def attend(self, kernel_no: int) -> None:
        """Something about this kernel has changed in the store: look after it soon."""
        tended = self._at_work.get(kernel_no)
        if tended is not None:
            tended.caretaker.wake()
        elif self._leasing is None:
            self.hold(kernel_no)
        elif not self._closed:
            self._bell.ring(care_topic(kernel_no))
            self._leasing.ask_for(kernel_no)

    def begin(self, kernel: Kernel) -> None:
        """A kernel has just been stored as it is given, and has no task yet: look after it soon."""
        tended = self._at_work.get(kernel.no)
        if tended is not None:
            tended.caretaker.take(kernel)
        elif self._leasing is None:
            self.hold(kernel.no, kernel)
        else:
            self.attend(kernel.no)

    def offer(self, task: Task) -> None:
        """A task has been stored: hand it over soon, without reading it again if possible."""
        kernel_no = task.kernel_no
        if self._leasing is None:
            self.hold(kernel_no)
        tended = self._at_work.get(kernel_no)
        if tended is not None:
            tended.caretaker.offer(task)
        elif not self._closed:
            self._bell.ring(care_topic(kernel_no))

    def hold(self, kernel_no: int, fresh: Kernel | None = None) -> None:
        """Look after this kernel from now on, if that is not done already.

        ``fresh`` is one that has just been stored so and has no task yet.
        """
        if self._closed or kernel_no in self._at_work:
            return
        caretaker = Caretaker(kernel_no, self._world, fresh)
        work = _alone(caretaker.run(), f"caretaker-{kernel_no}")
        listening = None
        if self._leasing is not None:
            listening = _alone(self._listen(kernel_no, caretaker), f"care-{kernel_no}")
        self._at_work[kernel_no] = _Tended(caretaker, work, listening)
        work.add_done_callback(lambda task: self._gone(kernel_no, task))

    def hold_only(self, kernel_nos: Iterable[int]) -> None:
        """Look after these kernels and no others; what is given up others may have taken."""
        held = set(kernel_nos)
        given_up = self._at_work.keys() - held
        for kernel_no in given_up:
            self._dismiss(kernel_no)
        if given_up:
            event("leases.given_up", kernels=len(given_up))
        for kernel_no in held:
            self.hold(kernel_no)

    def _dismiss(self, kernel_no: int) -> None:
        tended = self._at_work.pop(kernel_no)
        for work in (tended.work, tended.listening):
            if work is not None:
                self._leaving.add(work)
                work.add_done_callback(self._leaving.discard)
                work.cancel()

    def _gone(self, kernel_no: int, work: asyncio.Task[None]) -> None:
        if not work.cancelled() and (error := work.exception()) is not None:
            failure("caretaker.failed", error, kernel_no=kernel_no)
        tended = self._at_work.get(kernel_no)
        if tended is None or tended.work is not work:
            return
        self._dismiss(kernel_no)
        if tended.caretaker.woken:
            self.hold(kernel_no)
        elif self._leasing is not None:
            self._leasing.give_back(kernel_no)

    async def _listen(self, kernel_no: int, caretaker: Caretaker) -> None:
        topic = care_topic(kernel_no)
        mark = self._bell.mark(topic)
        while not self._bell.muffled:
            rang = await self._bell.wait(topic, mark, _LISTEN_SECONDS)
            if rang:
                mark = self._bell.mark(topic)
                caretaker.wake()


def _alone(work: Coroutine[object, object, None], name: str) -> asyncio.Task[None]:
    """A task whose log lines are not those of the request that happened to begin it."""
    return asyncio.create_task(work, name=name, context=contextvars.Context())
