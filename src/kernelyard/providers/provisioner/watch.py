"""Watching a provisioned kernel for its end, whatever its provisioner says of it."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass

from kernelyard.model.exits import ExitResult
from kernelyard.model.quantities import Micros
from kernelyard.providers.provisioner.ending import result_of
from kernelyard.providers.provisioner.line import Line
from kernelyard.providers.provisioner.parent import Provisioned
from kernelyard.providers.provisioner.record import FoundProcess

POLL_SECONDS = 1.0
"""Between questions to a provisioner; one that looks for a job in a cluster should not be pestered."""
ENDING_POLL_SECONDS = 0.1
ANSWER_SECONDS = 30.0
KILL_SECONDS = 4.0
"""A kernel that was killed and of which nothing is heard for so long is taken for dead."""
BELIEF_SECONDS = 10.0
"""A kernel to which there is a connection is believed to have ended when that was said for so long:
some provisioners take a question that was not answered in time for an end."""
TIDY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Watched:
    """Whom to watch."""

    provisioned: Provisioned
    name: str
    """Of the provisioner."""
    started_at: Micros


class Watch:
    """Asks a provisioner again and again whether its kernel lives. Lives in the provisioner's thread.

    What it says first counts: Jupyter's own forgets the exit code when it is asked again.
    """

    def __init__(self, watched: Watched, line: Line | None) -> None:
        self._watched = watched
        self._line = line
        self._wake = asyncio.Event()
        self._ending = False
        self._hurry_until = 0.0
        self._said_since: float | None = None
        self._killed_at: float | None = None
        self._complained = False

    def expect_end(self, *, killed: bool) -> None:
        """Ask more often from now on: the kernel was told to end, or killed."""
        self._ending = True
        if killed:
            self._killed_at = time.monotonic()
        self._wake.set()

    async def end(self) -> ExitResult:
        """Return how the kernel ended, when it has."""
        descriptor = self._watch_process()
        try:
            while (result := await self._look()) is None:
                await self._pause()
            return result
        finally:
            self._unwatch_process(descriptor)
            if self._line is not None:
                await self._line.close()

    async def _look(self) -> ExitResult | None:
        said = await self._asked()
        if said is not None and self._is_believed():
            return self._result(said)
        if said is None:
            self._said_since = None
        line = self._line
        if line is not None and line.lost and (self._ending or line.near):
            return self._gone("ended: nothing listens any more where it listened")
        killed = self._killed_at is not None and time.monotonic() - self._killed_at > KILL_SECONDS
        # One that is still connected lives, whatever was tried.
        return self._gone("killed") if killed and (line is None or not line.connected) else None

    def _is_believed(self) -> bool:
        if self._said_since is None:
            self._said_since = time.monotonic()
        if self._watched.provisioned.knows_process or self._line is None:
            return True
        if not self._line.perhaps_up:
            return True
        self._hurry_until = time.monotonic() + POLL_SECONDS
        return time.monotonic() - self._said_since > BELIEF_SECONDS

    async def _asked(self) -> object:
        """What the provisioner says; None if the kernel lives, or nothing can be learnt now."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await self._watched.provisioned.provisioner.poll()
        except Exception as error:  # noqa: BLE001 - it is a stranger's code
            if not self._complained:
                self._complained = True
                self._watched.provisioned.parent.log.warning(
                    "It cannot say whether the kernel lives: %r", error
                )
            return None

    async def tidy(self) -> None:
        """Let the provisioner let go of a process that has ended, which it does in its ``wait``.

        Some wait there for something else, and block.
        """
        try:
            async with asyncio.timeout(TIDY_SECONDS):
                await self._watched.provisioned.provisioner.wait()
        except Exception as error:  # noqa: BLE001 - it is a stranger's code
            self._watched.provisioned.parent.log.info("Its 'wait' failed: %r", error)

    async def _pause(self) -> None:
        self._wake.clear()
        try:
            hurry = self._ending or time.monotonic() < self._hurry_until
            async with asyncio.timeout(ENDING_POLL_SECONDS if hurry else POLL_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _result(self, said: object) -> ExitResult:
        watched = self._watched
        process = getattr(watched.provisioned.provisioner, "process", None)
        return result_of(
            None if isinstance(process, FoundProcess) else said,
            name=watched.name,
            started_at=watched.started_at,
            ended_at=_now(),
        )

    def _gone(self, how: str) -> ExitResult:
        watched = self._watched
        return ExitResult(
            reason=f"{how}; the kernel provisioner {watched.name!r} does not say more",
            started_at=watched.started_at,
            ended_at=_now(),
        )

    def _watch_process(self) -> int | None:
        """Be woken as soon as a process of this machine ends, where the system can do that."""
        pid = self._watched.provisioned.pid
        if pid is None or not hasattr(os, "pidfd_open"):
            return None
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:
            return None
        asyncio.get_running_loop().add_reader(descriptor, self._process_ended, descriptor)
        return descriptor

    def _process_ended(self, descriptor: int) -> None:
        asyncio.get_running_loop().remove_reader(descriptor)
        # Not surely the kernel: it may have been a program that submits jobs.
        self._hurry_until = time.monotonic() + TIDY_SECONDS
        self._wake.set()

    def _unwatch_process(self, descriptor: int | None) -> None:
        if descriptor is not None:
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)


def _now() -> Micros:
    return time.time_ns() // 1000
