"""The relays of one agent: made when the first client of a kernel comes, let go of when the kernel ends."""

from __future__ import annotations

import asyncio
from pathlib import Path

from kernelyard.agent.logs import Log
from kernelyard.agent.relay.front import Front
from kernelyard.agent.relay.kernel import Kernel
from kernelyard.agent.relay.relay import Relay
from kernelyard.agent.relay.spool import Room
from kernelyard.model.errors import KernelEnded, LimitReached
from kernelyard.wire.relaying import Relay as Wanted

MOST_CLIENTS = 10_000
"""Clients of all kernels together."""


class Relays:
    """Finds the relay of a kernel."""

    def __init__(self, directory: Path, log: Log) -> None:
        """``directory`` is where there is room for what waits for slow clients."""
        self._log = log
        self._relays: dict[str, Relay] = {}
        self._room = Room(directory)
        self._clients = 0
        self._nonsense = 0

    async def serve(
        self, kernel: Kernel, transport: asyncio.Transport, wanted: Wanted, welcome: bytes
    ) -> None:
        """Let a client speak with a kernel until one of them goes. Raises LimitReached, KernelEnded.

        ``welcome`` is written before anything that the kernel says.
        """
        if self._clients >= MOST_CLIENTS:
            raise LimitReached(f"The agent has {MOST_CLIENTS} clients already.")
        if kernel.journal.closed:
            # Nobody would tell this client of it any more.
            raise KernelEnded
        relay = self._relays.get(kernel.id)
        if relay is None:
            log = self._log.bind(kernel_id=kernel.id)
            limits = wanted.output_limit_bytes, wanted.largest_code
            relay = self._relays[kernel.id] = Relay(kernel, *limits, log)
        front = Front(wanted.author, wanted.session, self._room, self._note_nonsense)
        self._clients += 1
        try:
            front.serve(transport, relay)
            transport.write(welcome)
            relay.attach(front)
            await front.gone
        finally:
            self._clients -= 1
            relay.leave(front)

    def drop(self, kernel_id: str) -> None:
        """A kernel has ended, and those of its clients have been told that were there."""
        if (relay := self._relays.pop(kernel_id, None)) is not None:
            relay.end()

    def leave_all(self) -> None:
        """Let go of all kernels, for the agent ends."""
        for relay in self._relays.values():
            relay.close()
        self._relays.clear()

    def _note_nonsense(self, problem: str) -> None:
        self._nonsense += 1
        if self._nonsense.bit_count() == 1:
            # The 1st, 2nd, 4th, 8th …: a flood of them fills no log.
            self._log.warning("relay.nonsense", problem=problem, so_far=self._nonsense)
