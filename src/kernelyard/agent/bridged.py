"""A kernel of the registry as its bridge sees it."""

from __future__ import annotations

from collections.abc import Callable

from kernelyard.agent.journal import Journal
from kernelyard.agent.kernel import Kernel
from kernelyard.model.errors import KernelNotRunning
from kernelyard.wire.connections import Connection


class BridgedKernel:
    """See ``bridge.bridge.Kernel``."""

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
        return self._kernel.connection

    def watch_activity(self, activity: Callable[[], str]) -> None:
        self._kernel.watch_activity(activity)

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
