"""A kernel of the registry as its bridge and its relay see it."""

from __future__ import annotations

from collections.abc import Callable

from kernelyard.agent.channels import Channels
from kernelyard.agent.client_runs import ClientRun
from kernelyard.agent.ears import Tap
from kernelyard.agent.journal import Journal
from kernelyard.agent.kernel import Kernel
from kernelyard.model.errors import KernelNotRunning
from kernelyard.wire.connections import Connection


class BridgedKernel:
    """See ``bridge.bridge.Kernel`` and ``relay.relay.Kernel``."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    @property
    def id(self) -> str:
        return self._kernel.id

    @property
    def journal(self) -> Journal:
        return self._kernel.journal

    @property
    def attempt(self) -> int:
        return self._kernel.order.attempt

    @property
    def owned(self) -> bool:
        return self._kernel.order.owned

    @property
    def attached_counts(self) -> bool:
        return self._kernel.order.attached_keeps_alive

    @property
    def alive(self) -> bool:
        return self._kernel.alive

    @property
    def connection(self) -> Connection | None:
        ready = self._kernel.ready_incarnation
        return ready.connection if ready is not None else None

    @property
    def speaker(self) -> Channels | None:
        ready = self._kernel.ready_incarnation
        return ready.channels if ready is not None and not ready.over else None

    @property
    def running_msg_id(self) -> str:
        return self._kernel.running_msg_id

    def run(self, run: ClientRun) -> None:
        self._kernel.run(run)

    def tap(self, tap: Tap | None) -> None:
        self._kernel.ears.tap = tap

    def watch_activity(self, activity: Callable[[], str]) -> None:
        self._kernel.lifetime.others = activity

    async def interrupt(self, by: str) -> str:
        return (await self._kernel.interrupt(by)).value

    async def signal(self, number: int, by: str) -> None:
        if not await self._kernel.signal(number, by):
            raise KernelNotRunning(
                "The signal did not reach the kernel: no process of it is known."
            )

    def stop(self, reason: str) -> None:
        self._kernel.stop(reason)

    def restart(self, reason: str) -> None:
        self._kernel.restart(self._kernel.order.attempt + 1, reason)
