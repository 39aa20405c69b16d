"""One zygote as its keeper sees it: what it is for, how it is, and when it is tried again."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from kernelyard.agent.journal import wall_clock
from kernelyard.agent.zygote.fingerprint import Fingerprint
from kernelyard.agent.zygote.kept import Kept
from kernelyard.agent.zygote.keys import Recipe, Wanted
from kernelyard.model.quantities import Micros
from kernelyard.wire.zygotes import ZygoteFact, ZygoteState

FIRST_REST = 30.0
"""Seconds until one that failed is tried again; four times as long after each further failure."""
LONGEST_REST = 900.0
MANY_CHANGES = 3
MANY_CHANGES_SECONDS = 120.0
"""One whose environment has changed so often within this time rests, too."""


@dataclass(slots=True)
class Ahead:
    """A kernel that was forked before anybody has asked for one."""

    token: str
    """Names it to the spawner, and its control group and its sockets."""
    begun: float
    """By the monotonic clock."""
    heard_of: bool = False
    pid: int | None = None
    """Its process, as soon as it waits for its job."""


@dataclass(slots=True)
class Zygote:
    """One that is there, is waited for, or could not be had."""

    name: str
    wanted: Wanted | None = None
    """None for one that an earlier agent has left, until a kernel is asked for that it suits."""
    state: ZygoteState = "waiting"
    reason: str = "it is being prepared"
    pid: int | None = None
    started_at: Micros | None = None
    ready_at: Micros | None = None
    used_at: Micros | None = None
    used: float = field(default_factory=time.monotonic)
    """When a kernel was last asked for that it suits, by the monotonic clock."""
    asked: int = 0
    """How many such kernels were asked for."""
    forks: int = 0
    failures: int = 0
    modules: int = 0
    fingerprint: Fingerprint | None = None
    images: dict[str, None] = field(default_factory=dict)
    left_by: Recipe | None = None
    """The recipe of one that an earlier agent has left."""
    leaving: bool = False
    """Whether it has a process that is used no more, and is to be ended."""
    retry: float = 0.0
    """When it may be started, by the monotonic clock."""
    troubles: int = 0
    """Failures since it last did well."""
    ahead: Ahead | None = None
    lost: list[str] = field(default_factory=list)
    """Tokens of those forked ahead that are gone, or are to go, and have left something."""
    vain: int = 0
    """How many of those in sequence have ended before they were asked for."""
    think_again: float = 0.0
    """When another may be forked ahead, by the monotonic clock."""
    changes: list[float] = field(default_factory=list)
    """When its environment had changed, of late."""

    @property
    def there(self) -> bool:
        """Whether there is a process."""
        return self.state in ("booting", "ready")

    @property
    def recipe(self) -> Recipe | None:
        """What it was asked for by, as far as that is known."""
        return self.left_by if self.wanted is None else self.wanted.recipe

    def may_boot(self, now: float) -> bool:
        """Whether it is to be started now.

        One for a kernel with settings of its own is only once a second such kernel was asked for.
        """
        if self.wanted is None or self.there or self.leaving or now < self.retry:
            return False
        return self.wanted.plain or self.asked > 1

    def is_ready(self, modules: int, fingerprint: Fingerprint) -> None:
        """Kernels may be forked from it."""
        self.state, self.reason = "ready", ""
        self.ready_at = wall_clock()
        self.modules, self.fingerprint = modules, fingerprint

    def is_found(self, kept: Kept) -> None:
        """It is one that an earlier agent has left, and as that has kept it."""
        self.is_ready(kept.modules, kept.fingerprint)
        self.pid, self.started_at, self.ready_at = kept.pid, kept.started_at, kept.ready_at
        self.left_by = kept.recipe
        self.images = dict.fromkeys(kept.images)

    def is_stale(self, reason: str) -> None:
        """Its process is used no more, and another is to be started."""
        self.leaving = self.leaving or self.there
        self.state, self.reason = "waiting", reason
        self._has_no_process()

    def has_changed(self, reason: str) -> None:
        """The same, for its environment is another; what changes all the time is left to rest."""
        now = time.monotonic()
        self.changes = [*(at for at in self.changes if now - at < MANY_CHANGES_SECONDS), now]
        self.is_stale(reason)
        if len(self.changes) >= MANY_CHANGES:
            self.retry = now + FIRST_REST

    def failed(self, reason: str, *, at_once: bool = False) -> None:
        """It could not be had. It is tried again later; ``at_once`` the first time if it did well before."""
        self.leaving = self.leaving or self.there
        self.troubles += 1
        self.state, self.reason = "unfit", reason
        rest = min(LONGEST_REST, FIRST_REST * 4 ** min(self.troubles - 1, 8))
        self.retry = time.monotonic() + (0.0 if at_once and self.troubles == 1 else rest)
        self._has_no_process()

    def is_gone(self) -> None:
        """The process that was used no more has ended."""
        self.leaving = False

    def loses_ahead(self) -> None:
        """There is no kernel any more that was forked ahead, or it is to be none."""
        if self.ahead is not None:
            self.lost.append(self.ahead.token)
            self.ahead = None

    def did_well(self) -> None:
        """A kernel that was forked from it answers."""
        self.troubles = 0

    def fact(self) -> ZygoteFact:
        """What is told of it. Reads the table of processes."""
        recipe = self.recipe
        ahead = None if self.ahead is None else self.ahead.pid
        return ZygoteFact(
            name=self.name,
            images=list(self.images),
            preload=list(recipe.preload) if recipe else [],
            trust=recipe.trust if recipe else "",
            state=self.state,
            reason=self.reason,
            pid=self.pid,
            started_at=self.started_at,
            ready_at=self.ready_at,
            used_at=self.used_at,
            forks=self.forks,
            failures=self.failures,
            modules=self.modules,
            pss_bytes=None if self.pid is None else _pss_of(self.pid),
            ahead_pid=ahead,
            ahead_pss_bytes=None if ahead is None else _pss_of(ahead),
        )

    def _has_no_process(self) -> None:
        self.loses_ahead()
        self.pid = self.started_at = self.ready_at = self.fingerprint = None
        self.modules = 0


def _pss_of(pid: int) -> int | None:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        pass
    return None
