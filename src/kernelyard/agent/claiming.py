"""Giving a kernel that waits in a pool to whoever has claimed it.

It takes up his environment and directory while it runs, where it can; otherwise its process is started
anew with them. Nothing of his is run before that. The order on the disk says to whom it belongs: it is
rewritten only when all is applied, or the start is begun that applies it; so whatever is cut off is
simply asked for again.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Protocol

from kernelyard.agent.folder import Folder
from kernelyard.agent.incarnation import Incarnation
from kernelyard.agent.journal import wall_clock
from kernelyard.agent.logs import Log
from kernelyard.agent.waiting import first_of, happens
from kernelyard.model.errors import KernelEnded, KernelNotRunning
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.pools import needs_fresh_process
from kernelyard.model.records import EndCause
from kernelyard.providers.directories import marked_directory
from kernelyard.providers.launcher import LaunchFailed
from kernelyard.wire.messages import Configure

CONFIGURE_SECONDS = 3.0
"""One that does not answer within these is started anew."""
CLAIM_SECONDS = 8.0
"""So long a client waits that would speak with a kernel before it is given away; less than its server."""
AFRESH = "started afresh, for it could not take up what is wanted of it while it ran"


class Claimable(Protocol):
    """What there is to know of a kernel that waits, and what can be done to it."""

    order: LaunchOrder
    ended: asyncio.Event
    """Set when nothing more comes of it."""

    @property
    def cause(self) -> EndCause | None:
        """Why it ends; None if it does not."""
        ...

    @property
    def ready_incarnation(self) -> Incarnation | None:
        """The process that is ready; None if there is none now."""
        ...

    def take(self, order: LaunchOrder) -> None:
        """From now on this is its order."""
        ...

    def restart(self, attempt: int, reason: str, by: str = "") -> None:
        """Begin to start its process anew."""
        ...


class Claiming:
    """Gives one kernel away, once."""

    def __init__(
        self, kernel: Claimable, folder: Folder, log: Log, patience: float = CLAIM_SECONDS
    ) -> None:
        self._patience = patience
        self._kernel = kernel
        self._folder = folder
        self._log = log
        self._one_at_a_time = asyncio.Lock()
        self._given = asyncio.Event()
        """Set when a kernel that waited is somebody's."""

    def prepare(self, incarnation: Incarnation) -> None:
        """Make a process that waits as quick as it can be, where that leaves no trace in it."""
        if self._kernel.order.pooled and incarnation.configurable:
            incarnation.warm_up()

    async def claim(self, order: LaunchOrder) -> None:
        """Give it away, unless that was done before. Raises KernelEnded, OSError."""
        async with self._one_at_a_time:
            if not self._kernel.order.pooled:
                return
            self._refuse_if_it_ends()
            attempt = self._kernel.order.attempt
            applied = await self._applied(order)
            self._refuse_if_it_ends()
            now = self._kernel.order.attempt
            if not applied or now != attempt:
                # First: an order that says it is done must never be found beside the old process.
                self._kernel.restart(now + 1, AFRESH)
            now = self._kernel.order.attempt
            taken = replace(order, attempt=now, pooled=False, claimed_at=wall_clock())
            self._folder.write_order(taken)
            self._kernel.take(taken)
            self._given.set()
            self._log.info("kernel.claimed", applied=applied)

    async def given(self) -> None:
        """Wait until it is somebody's and has, or is about to get, what he asked for.

        Raises KernelEnded, and KernelNotRunning if that takes long.
        """
        if self._kernel.order.pooled:
            await first_of(happens(self._given, self._patience), self._kernel.ended.wait())
            self._refuse_if_it_ends()
        self.refuse_if_it_waits()

    def refuse_if_it_waits(self) -> None:
        """Raise KernelNotRunning while it is nobody's."""
        if self._kernel.order.pooled:
            raise KernelNotRunning(
                "This kernel has just been taken out of a pool and is not given to its owner yet. "
                "Try again in a moment."
            )

    def _refuse_if_it_ends(self) -> None:
        if self._kernel.cause is not None:
            raise KernelEnded

    async def _applied(self, order: LaunchOrder) -> bool:
        """Have the running process take up what is asked; return whether it has."""
        incarnation, before = self._kernel.ready_incarnation, self._kernel.order
        if incarnation is None or incarnation.over:
            return False
        try:
            cwd = marked_directory(order.path)
        except LaunchFailed:
            # Starting anew says what is wrong with it.
            return False
        environment = _changes(before.environment, order.environment)
        if not environment and cwd is None:
            return order.path is None or incarnation.configurable
        if not incarnation.configurable or any(map(needs_fresh_process, environment)):
            return False
        asked = Configure(environment, None if cwd is None else str(cwd))
        try:
            async with asyncio.timeout(CONFIGURE_SECONDS):
                return await incarnation.configuring.configure(asked)
        except TimeoutError:
            self._log.warning("kernel.not_configured")
            return False


def _changes(before: dict[str, str], after: dict[str, str]) -> dict[str, str | None]:
    changes: dict[str, str | None] = dict.fromkeys(before.keys() - after.keys())
    return changes | {key: text for key, text in after.items() if before.get(key) != text}
