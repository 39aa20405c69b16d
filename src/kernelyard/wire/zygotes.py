"""What the agent tells of its zygotes: processes from which kernels are forked."""

from __future__ import annotations

from typing import Literal

import msgspec

ZygoteState = Literal["waiting", "booting", "ready", "unfit", "ended"]


class Zygotes(msgspec.Struct, tag="zygotes", frozen=True):
    """Which zygotes there are, and which of late could not be had."""


class ZygoteFact(msgspec.Struct, frozen=True):
    """One zygote, or one that is waited for or could not be had."""

    name: str
    """A digest of what it is for; it stays the same when the process is replaced."""
    images: list[str]
    """References of the images that were asked for of late and that it serves."""
    preload: list[str]
    """Modules that it has imported besides those of a kernel."""
    trust: str
    """Whose code has run in it: a user's name, or empty where kernels of all are forked from it."""
    state: ZygoteState
    reason: str = ""
    """Why no kernel is forked from it now."""
    pid: int | None = None
    started_at: int | None = None
    ready_at: int | None = None
    used_at: int | None = None
    """When a kernel was forked from it last."""
    forks: int = 0
    """Kernels that were forked from it, by this agent."""
    failures: int = 0
    """Forks that failed, and starts of it that did."""
    modules: int = 0
    """How many modules it has imported."""
    pss_bytes: int | None = None
    """Its proportional share of memory, without what it shares with its kernels."""
    ahead_pid: int | None = None
    """The kernel that it has forked before anybody has asked for one, if that waits."""
    ahead_pss_bytes: int | None = None


class ZygoteList(msgspec.Struct, tag="zygote_list", frozen=True):
    """The answer to zygotes."""

    zygotes: list[ZygoteFact]
    most: int
    """How many there may be; 0 where kernels are not forked."""
    forked: int = 0
    """Kernels that this agent has started by a fork."""
    executed: int = 0
    """Kernels that it has started as new programs, of those that are its own processes."""
    failed: int = 0
    """Forks that failed; each was followed by a start as a new program."""
    pressure: str = ""
    """Why none is started now for want of memory; empty if there is enough."""
