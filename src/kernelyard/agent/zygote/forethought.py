"""One kernel for each zygote that is forked before anybody asks for it, so that a create need not wait for that."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from kernelyard.agent.logs import Log
from kernelyard.agent.places import LONGEST_SOCKET_PATH, ipc_prefix, remove_ipc
from kernelyard.agent.spawner.spawner import AheadJob, ZygoteReport
from kernelyard.agent.zygote import priority
from kernelyard.agent.zygote.zygote import Ahead, Zygote
from kernelyard.model.errors import AgentUnavailable

READY_SECONDS = 40.0
"""One that does not wait for its job after so long is given up."""
FIRST_REST = 30.0
"""Seconds until another is forked ahead if one has ended in vain; four times as long after each further one."""
LONGEST_REST = 900.0
LEAVE_SECONDS = 2.0


class Spawns(Protocol):
    """What is needed of the spawner."""

    def think_ahead(self, job: AheadJob) -> None: ...
    def forget_ahead(self, name: str) -> None: ...


class Groups(Protocol):
    """Makes control groups; ``agent/limits.py`` does."""

    def open_ahead(self, name: str) -> tuple[Path, ...]:
        """Make one for a kernel of which nobody knows which it will be."""
        ...

    def give(self, name: str, kernel_id: str) -> bool:
        """Let it be that of a kernel; False if that cannot be."""
        ...

    def close_ahead(self, name: str) -> bool:
        """End what is in it, and remove it; return whether it is gone."""
        ...


@dataclass(frozen=True, slots=True)
class Forethought:
    """Has kernels forked ahead, gives them away, and clears up after those that nobody wanted."""

    home: Path
    """Where the logs of zygotes lie."""
    data_dir: Path
    spawner: Spawns
    groups: Groups
    log: Log

    def begin(self, zygote: Zygote) -> None:
        """Have a kernel forked from a zygote that is ready, unless there is one."""
        now = time.monotonic()
        if zygote.ahead is not None or zygote.state != "ready" or now < zygote.think_again:
            return
        token = str(uuid4())
        try:
            sockets = ipc_prefix(self.data_dir, token, 0)
        except AgentUnavailable:
            return
        if len(sockets) + len("-1") > LONGEST_SOCKET_PATH:
            return
        zygote.ahead = Ahead(token, now)
        self.spawner.think_ahead(
            AheadJob(
                zygote=zygote.name,
                token=token,
                groups=self.groups.open_ahead(token),
                sockets=sockets,
                log=self.home / f"{zygote.name}.ahead",
                lower=priority.margin(),
            )
        )

    def take(self, zygote: Zygote, kernel_id: str) -> str:
        """Give away the one that waits; return its token, or nothing if there is none for this kernel."""
        ahead = zygote.ahead
        if ahead is None or ahead.pid is None or not self.groups.give(ahead.token, kernel_id):
            return ""
        zygote.ahead = None
        zygote.vain = 0
        return ahead.token

    def forget(self, zygote: Zygote) -> None:
        """Have none any more."""
        if zygote.ahead is not None:
            self.spawner.forget_ahead(zygote.name)
            zygote.loses_ahead()

    def take_report(self, zygote: Zygote, report: ZygoteReport) -> None:
        """Hear how the one is that was forked ahead."""
        ahead = zygote.ahead
        if ahead is None:
            return
        if report.ahead == ahead.token:
            ahead.heard_of, ahead.pid = True, report.ahead_pid
        elif ahead.heard_of:
            zygote.vain += 1
            rest = min(LONGEST_REST, FIRST_REST * 4 ** min(zygote.vain - 1, 8))
            zygote.think_again = time.monotonic() + rest
            zygote.loses_ahead()
            self.log.warning("zygote.ahead_ended", zygote=zygote.name, token=ahead.token)

    def tidy(self, zygote: Zygote) -> None:
        """Give up what takes too long, and remove what those have left that are gone."""
        ahead = zygote.ahead
        late = time.monotonic() - READY_SECONDS
        if ahead is not None and ahead.pid is None and ahead.begun < late:
            self.forget(zygote)
        zygote.lost = [token for token in zygote.lost if not self._cleared(token)]

    async def leave(self, zygotes: list[Zygote]) -> None:
        """Have none any more, and nothing of them, as far as that takes no longer than a moment."""
        for one in zygotes:
            self.forget(one)
        until = time.monotonic() + LEAVE_SECONDS
        while any(one.lost for one in zygotes) and time.monotonic() < until:
            for one in zygotes:
                self.tidy(one)
            await asyncio.sleep(0.01)

    def _cleared(self, token: str) -> bool:
        try:
            remove_ipc(ipc_prefix(self.data_dir, token, 0))
        except AgentUnavailable:
            pass
        return self.groups.close_ahead(token)
