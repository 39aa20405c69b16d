"""Kernels that wait for somebody must not be older than their environment.

Packages may be installed or removed while a kernel waits. It is then started anew: whoever looks after its
pool sees that and replaces it, and if it was given to somebody meanwhile, that is harmless.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from kernelyard.agent.incarnation import Incarnation
from kernelyard.agent.logs import Log
from kernelyard.agent.places import kernel_dir
from kernelyard.agent.zygote.fingerprint import Fingerprint
from kernelyard.agent.zygote.sources import sources_of
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.records import EndCause

LOOK_SECONDS = 5.0


class StandsBy(Protocol):
    """A kernel that waits."""

    id: str
    order: LaunchOrder

    @property
    def cause(self) -> EndCause | None:
        """Why it ends; None if it does not."""
        ...

    @property
    def ready_incarnation(self) -> Incarnation | None:
        """The process that is ready; None if there is none now."""
        ...

    def restart(self, attempt: int, reason: str) -> None:
        """Begin to start its process anew."""
        ...


class StandingBy:
    """Looks at the environments of kernels that wait, now and then."""

    def __init__(
        self,
        waiting: Callable[[], Sequence[StandsBy]],
        data_dir: Path,
        log: Log,
        seconds: float = LOOK_SECONDS,
    ) -> None:
        self._waiting = waiting
        self._data_dir = data_dir
        self._log = log
        self._seconds = seconds
        self._seen: dict[tuple[str, int], Fingerprint] = {}
        """How their environments were when they were looked at first, by id and start."""

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await asyncio.sleep(self._seconds)
            kernels = self._waiting()
            there = {_start_of(kernel) for kernel in kernels}
            self._seen = {start: seen for start, seen in self._seen.items() if start in there}
            for kernel in kernels:
                try:
                    await self._look(kernel)
                except Exception:  # noqa: BLE001 - what waits is looked at as long as we live
                    # Whatever it is, the others are looked at, and this one again.
                    self._log.exception("kernel.not_looked_at", kernel_id=kernel.id)

    async def _look(self, kernel: StandsBy) -> None:
        changed = await asyncio.to_thread(self._changed, kernel, _start_of(kernel))
        # Meanwhile it may have been given away, or be about to end.
        if changed and kernel.order.pooled and kernel.cause is None:
            self._log.info("kernel.outdated", kernel_id=kernel.id, changed=changed)
            kernel.restart(kernel.order.attempt + 1, f"{changed} has changed")

    def _changed(self, kernel: StandsBy, start: tuple[str, int]) -> str:
        """What of its environment has changed since it was started; empty if nothing is known to."""
        seen = self._seen.get(start)
        if seen is not None:
            return seen.changed()
        incarnation = kernel.ready_incarnation
        pid = incarnation.launcher.resources.pid if incarnation is not None else None
        if pid is None:
            return ""
        try:
            noted = kernel_dir(self._data_dir, kernel.id) / "process.json"
            begun = noted.stat().st_mtime
            program = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode()
        except (OSError, UnicodeDecodeError):
            return ""
        near = sources_of(noted.with_name("none"), [program], {}).near
        self._seen[start] = seen = Fingerprint.taken(near, ())
        return seen.changed_since(begun)


def _start_of(kernel: StandsBy) -> tuple[str, int]:
    return kernel.id, kernel.order.attempt
