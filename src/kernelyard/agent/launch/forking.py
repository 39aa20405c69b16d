"""Forking a kernel instead of starting a program, as long as that does well."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from kernelyard.agent.logs import Log
from kernelyard.agent.spawner.spawner import Job, Spawned
from kernelyard.agent.spawner.zygotes import FORK_SECONDS
from kernelyard.agent.zygote.keeper import Asked, Keeper
from kernelyard.agent.zygote.zygote import Zygote

PART_OF_TIME = 0.5
"""Of the time that is left for a start; the other part is for a program, should the fork be in vain."""
PART_TO_FORK = 0.5
"""Of that, until there is a process; it needs the rest to answer."""


@dataclass(slots=True)
class Fork:
    """One try: from this zygote, if it can."""

    keeper: Keeper
    zygote: Zygote
    ahead: str = ""
    """Names the process that was forked ahead and is to become it, if there is one."""
    seconds: float = FORK_SECONDS
    """Within so long there is a process, or will be none."""
    done: bool = False
    """Whether the process is one that was forked."""

    async def go(self, job: Job, connection_file: Path) -> Spawned | None:
        """Fork; None if that failed, of which nothing is left."""
        spawned = await self.keeper.fork(
            self.zygote, job, connection_file, seconds=self.seconds, ahead=self.ahead
        )
        self.done = spawned is not None
        return spawned


@dataclass(slots=True)
class Forking:
    """Of one start of a kernel, with all its tries: no further fork is tried once one was in vain."""

    keeper: Keeper
    log: Log
    _in_vain: Fork | None = field(default=None, init=False)
    _last: Fork | None = field(default=None, init=False)

    def fork_for(self, asked: Asked) -> Fork | None:
        """Return how to fork it, or None for a new program. Says in the log why not."""
        self._last = None
        if self._in_vain is not None:
            return None
        chosen = self.keeper.choose(asked)
        if isinstance(chosen, str):
            self.log.info("kernel.not_forked", reason=chosen)
            return None
        ahead = self.keeper.take_ahead(chosen, asked.order.kernel_id)
        self._last = Fork(self.keeper, chosen, ahead)
        return self._last

    def until(self, until: float) -> float:
        """When a kernel must have answered in this try, if it must ``until`` then after all tries."""
        if self._last is None:
            return until
        now = asyncio.get_running_loop().time()
        part = (until - now) * PART_OF_TIME
        self._last.seconds = max(0.0, min(FORK_SECONDS, part * PART_TO_FORK))
        return now + part

    def was_vain(self) -> bool:
        """A try has failed; return whether it was a fork, so that a new program is worth a try."""
        if self._last is None:
            return False
        self._in_vain = self._last
        if self._in_vain.done:
            self.keeper.vain(self._in_vain.zygote)
        return True

    def has_answered(self) -> None:
        """The kernel of the last try answers: if it did not when it was forked, that is to blame."""
        if self._last is not None:
            self.keeper.did_well(self._last.zygote)
        elif self._in_vain is not None and self._in_vain.done:
            reason = "a kernel that was forked from it did not answer"
            self.keeper.blame(self._in_vain.zygote, reason)
