"""Caretakers: one per kernel that something is still to be done for.

A caretaker closes the gap between what is wanted and where the kernel is, hands its tasks to the
agent in order, and keeps the following of its journal going. Everything it does may be repeated, so a
server that starts simply gives every unfinished kernel a caretaker.
"""

from __future__ import annotations

import asyncio
import contextvars

from kernelyard.model.tasks import Task
from kernelyard.yard.log import failure
from kernelyard.yard.reconcile import Caretaker
from kernelyard.yard.world import World


class Caretakers:
    """The caretakers of this server. Use as an async context manager."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._at_work: dict[int, tuple[Caretaker, asyncio.Task[None]]] = {}
        self._closed = False

    async def start(self) -> None:
        """Give every unfinished kernel a caretaker."""
        for kernel in await self._world.store.kernels.unfinished():
            self.attend(kernel.no)

    async def aclose(self) -> None:
        """Send all caretakers home. Kernels go on under their agent."""
        self._closed = True
        running = [task for _, task in self._at_work.values()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        self._at_work.clear()

    def attend(self, kernel_no: int) -> None:
        """Something about this kernel has changed in the store: look after it soon."""
        caretaker = self._caretaker(kernel_no)
        if caretaker is not None:
            caretaker.wake()

    def offer(self, task: Task) -> None:
        """A task has been stored: hand it over soon, without reading it again if possible."""
        caretaker = self._caretaker(task.kernel_no)
        if caretaker is not None:
            caretaker.offer(task)

    def _caretaker(self, kernel_no: int) -> Caretaker | None:
        if self._closed:
            return None
        known = self._at_work.get(kernel_no)
        if known is not None:
            return known[0]
        caretaker = Caretaker(kernel_no, self._world)
        # A context of its own: its log lines are not those of the request that happened to begin it.
        work = asyncio.create_task(
            caretaker.run(), name=f"caretaker-{kernel_no}", context=contextvars.Context()
        )
        self._at_work[kernel_no] = (caretaker, work)
        work.add_done_callback(lambda task: self._gone(kernel_no, task))
        return caretaker

    def _gone(self, kernel_no: int, work: asyncio.Task[None]) -> None:
        caretaker, _ = self._at_work.pop(kernel_no, (None, None))
        if work.cancelled():
            return
        error = work.exception()
        if error is not None:
            failure("caretaker.failed", error, kernel_no=kernel_no)
        if caretaker is not None and caretaker.woken:
            self.attend(kernel_no)
