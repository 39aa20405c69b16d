"""A process that is not ours: told from all others, watched, and signalled with care."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from pathlib import Path

from kernelyard.model.json import JsonObject
from kernelyard.providers.process_identity import boot_id, start_time_of

_POLL_SECONDS = 0.1


class Stranger:
    """A process that somebody else has started. Its exit code can never be known."""

    def __init__(self, pid: int, start_time: int, descriptor: int | None) -> None:
        self.pid = pid
        self.start_time = start_time
        self._descriptor = descriptor

    @classmethod
    def of(cls, pid: int) -> Stranger | None:
        """Take note of a process; None if it has ended, or belongs to another user."""
        descriptor = _descriptor(pid)
        # The descriptor is opened first: what holds for the process now holds for the descriptor.
        started = start_time_of(pid)
        if started is None or not _is_own(pid):
            _close(descriptor)
            return None
        return cls(pid, started, descriptor)

    @classmethod
    def again(cls, record: JsonObject) -> Stranger | None:
        """Find a process again by what ``record`` told of it; None if it has ended since."""
        pid, started = record.get("pid"), record.get("start_time")
        if not isinstance(pid, int) or record.get("boot_id") != boot_id():
            return None
        found = cls.of(pid)
        if found is None or found.start_time == started:
            return found
        found.close()
        return None

    def record(self) -> JsonObject:
        """What ``again`` needs."""
        return {"pid": self.pid, "start_time": self.start_time, "boot_id": boot_id()}

    def command(self) -> list[str]:
        """The words it was started with, as far as the system tells."""
        try:
            words = Path(f"/proc/{self.pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return []
        return [word.decode(errors="replace") for word in words if word]

    @property
    def alive(self) -> bool:
        """Whether this very process lives."""
        return start_time_of(self.pid) == self.start_time

    async def ended(self) -> None:
        """Wait until it has ended."""
        while self.alive:
            if self._descriptor is None:
                await asyncio.sleep(_POLL_SECONDS)
            else:
                await _readable(self._descriptor)

    def signal(self, signum: int) -> bool:
        """Send a signal, also to its group if it leads one; return whether it was delivered.

        A process that leads no group shares it with whoever has started it, who is not meant.
        """
        if not self.alive:
            return False
        try:
            if os.getpgid(self.pid) == self.pid:
                os.killpg(self.pid, signum)
            elif self._descriptor is not None:
                signal.pidfd_send_signal(self._descriptor, signum)
            else:
                os.kill(self.pid, signum)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def close(self) -> None:
        """Watch it no more."""
        descriptor, self._descriptor = self._descriptor, None
        _close(descriptor)


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)


def _descriptor(pid: int) -> int | None:
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None


def _is_own(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}").stat().st_uid == os.getuid()
    return True


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)
