"""What the server tells of processes from which kernels are forked, as typed frozen data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Zygote:
    """A process from which kernels are forked, or one that could not be had."""

    name: str
    """Stays the same when the process is replaced."""
    images: tuple[str, ...] = ()
    """``provider/name`` of those that it serves."""
    preload: tuple[str, ...] = ()
    """Modules of templates that it has imported."""
    shared: bool = True
    """Whether kernels of all users are forked from it."""
    user: str | None = None
    """Else the one user whose kernels are."""
    state: str = ""
    """``waiting``, ``booting``, ``ready``, ``unfit``, ``ended``."""
    reason: str | None = None
    """Why no kernel is forked from it now."""
    pid: int | None = None
    started_at: datetime | None = None
    ready_at: datetime | None = None
    used_at: datetime | None = None
    """When a kernel was forked from it last."""
    forks: int = 0
    failures: int = 0
    """Forks, and starts of its own, that failed."""
    modules: int = 0
    """How many modules it has imported."""
    pss_bytes: int | None = None
    """Its memory, without what it shares with its kernels."""
    ahead_pid: int | None = None
    """The kernel that it has forked before anybody asks for one, if that waits."""
    ahead_pss_bytes: int | None = None
    """Memory of that, without what it shares with others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZygoteList:
    """All zygotes, and what the agent has started so far. Iterates over the zygotes.

    ::

        for zygote in yard.zygotes():
            print(zygote.images, zygote.state, zygote.reason or "")
    """

    items: tuple[Zygote, ...]
    most: int = 0
    """How many there may be; 0 where no kernel is forked."""
    forked: int = 0
    """Kernels that this agent has forked."""
    executed: int = 0
    """Kernels that it has started as new programs."""
    failed: int = 0
    """Forks that failed; each was followed by a new program."""
    pressure: str | None = None
    """Why none is started now, if it is for want of memory."""

    def __iter__(self) -> Iterator[Zygote]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)
