"""Which zygote a kernel is forked from, and why from none; what came of it; what is told of zygotes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from kernelyard.agent.journal import wall_clock
from kernelyard.agent.logs import Log
from kernelyard.agent.spawner.spawner import Job, NoZygote, Spawned, ZygoteReport
from kernelyard.agent.spawner.zygotes import FORK_SECONDS
from kernelyard.agent.zygote.forethought import Forethought
from kernelyard.agent.zygote.keys import Unfit, Wanted, wanted_for, why_never
from kernelyard.agent.zygote.lately import Lately
from kernelyard.agent.zygote.nursery import Spawns
from kernelyard.agent.zygote.zygote import Zygote
from kernelyard.model.images import FoundImage
from kernelyard.model.kernels import LaunchOrder
from kernelyard.wire.link import ImageList
from kernelyard.wire.zygotes import ZygoteList

NOT_USED = "no kernel of it was started yet; what it is forked from is prepared then"
_ENOUGH = 2
"""Kernels with the same settings of their own, for which a zygote is worth while."""
CALM_SECONDS = 0.2
"""After the last start, until a kernel is forked ahead for the next."""
MOST_KNOWN = 64
"""Zygotes that are remembered, with those that could not be had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZygoteSettings:
    """How many zygotes are kept, and for how long."""

    most: int = 4
    age_seconds: float = 86_400.0
    boot_seconds: float = 60.0
    ahead: int = 1
    """How many kernels each of them forks before anybody asks for them: one, or none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A kernel that is to be started."""

    order: LaunchOrder
    argv: Sequence[str]
    """What its plan says, filled in."""
    connection_file: Path
    image_env: Mapping[str, str]
    """What any kernel of its image is started with."""
    kernel_env: Mapping[str, str]


class Keeper:
    """Knows the zygotes. Whoever tends them (``tending``) is woken when there is something to do."""

    def __init__(
        self,
        spawner: Spawns,
        settings: ZygoteSettings,
        lately: Lately,
        log: Log,
        forethought: Forethought | None = None,
    ) -> None:
        """Without ``forethought`` no kernel is forked ahead."""
        self.settings = settings
        self.zygotes: dict[str, Zygote] = {}
        self.wake = asyncio.Event()
        """Set when one may be started, or replaced."""
        self.quiet = asyncio.Event()
        """Set while no kernel is being started."""
        self.quiet.set()
        self.pressure = ""
        """Why none is started for want of memory."""
        self.lately = lately
        self.forethought = forethought
        self.calm_at = 0.0
        """When the last start was over, by the monotonic clock."""
        self._spawner = spawner
        self._log = log
        self._launches = 0
        self._forked = self._executed = self._failed = 0
        self._never: dict[str, str] = {}
        """Images whose kernels cannot be forked, and why."""

    @contextmanager
    def launching(self) -> Iterator[None]:
        """A kernel is being started meanwhile: no zygote begins to boot beside it."""
        self._launches += 1
        self.quiet.clear()
        try:
            yield
        finally:
            self._launches -= 1
            if not self._launches:
                self.quiet.set()
                self.calm_at = time.monotonic()
                if self.forethought is not None:
                    asyncio.get_running_loop().call_later(CALM_SECONDS, self.wake.set)

    def choose(self, asked: Asked) -> Zygote | str:
        """Return what a kernel is to be forked from, or why it is not forked."""
        if never := why_never(asked.order, self.settings.most):
            return never
        reference = f"{asked.order.provider}/{asked.order.image}"
        try:
            wanted = wanted_for(
                asked.order,
                asked.argv,
                asked.connection_file,
                asked.image_env,
                asked.kernel_env,
            )
        except Unfit as error:
            self._never[reference] = str(error)
            return str(error)
        self._never.pop(reference, None)
        zygote = self.want(wanted)
        zygote.asked += 1
        zygote.used = time.monotonic()
        if wanted.plain:
            self.lately.note(wanted.recipe)
        return self._usable(zygote)

    def note_other(self, order: LaunchOrder) -> None:
        """A kernel is started by its provider."""
        self._never[f"{order.provider}/{order.image}"] = "its provider starts it"

    def want(self, wanted: Wanted) -> Zygote:
        """The zygote that is wanted, which is started soon if it is not there."""
        zygote = self.zygotes.get(wanted.name)
        if zygote is None:
            self._forget_one()
            zygote = self.zygotes[wanted.name] = Zygote(wanted.name)
        if zygote.wanted is None or not zygote.there:
            zygote.wanted = wanted
        zygote.images[wanted.recipe.reference] = None
        if not zygote.there:
            self.wake.set()
        return zygote

    def take_ahead(self, zygote: Zygote, kernel_id: str) -> str:
        """Give a kernel the process that was forked ahead; return its token, or nothing if there is none.

        From then on it is in the kernel's control group, whether it is used or not.
        """
        return "" if self.forethought is None else self.forethought.take(zygote, kernel_id)

    async def fork(
        self,
        zygote: Zygote,
        job: Job,
        connection_file: Path,
        *,
        seconds: float = FORK_SECONDS,
        ahead: str = "",
    ) -> Spawned | None:
        """Fork a kernel; None if that failed, or took longer than so many seconds.

        If one was forked ``ahead``, it becomes that kernel.
        """
        try:
            spawned = await self._spawner.fork(
                zygote.name, job, connection_file, seconds=seconds, ahead=ahead
            )
        except NoZygote as error:
            self._note_failure(zygote, str(error))
            if error.blame:
                self.blame(zygote, f"no kernel could be forked from it: {error}")
            return None
        except OSError as error:
            # As likely a new program cannot be started either: then that tells what is wrong.
            self._note_failure(zygote, error.strerror or str(error))
            return None
        zygote.forks += 1
        zygote.used_at = wall_clock()
        self._forked += 1
        return spawned

    def executed(self) -> None:
        """A kernel was started as a new program."""
        self._executed += 1

    def vain(self, zygote: Zygote) -> None:
        """A kernel that was forked never answered, or ended before."""
        self._note_failure(zygote, "the kernel did not answer")

    def blame(self, zygote: Zygote, reason: str) -> None:
        """Use a zygote no more: it is ended, and another is tried later."""
        if zygote.there:
            zygote.failed(reason, at_once=zygote.state == "ready")
            self._log.warning("zygote.unfit", zygote=zygote.name, reason=reason)
            self.wake.set()

    def did_well(self, zygote: Zygote) -> None:
        """A kernel that was forked from it answers."""
        zygote.did_well()

    def take_report(self, report: ZygoteReport) -> None:
        """Hear that a zygote has ended of which nobody wanted that."""
        zygote = self.zygotes.get(report.name)
        if zygote is None or report.state not in ("ended", "unfit"):
            return
        if zygote.state == "ready" and report.pid in (None, zygote.pid):
            reason = report.reason or "its process has ended"
            self._log.warning("zygote.ended", zygote=zygote.name, reason=reason)
            zygote.failures += 1
            zygote.failed(reason, at_once=True)
        zygote.is_gone()
        self.wake.set()

    def take_report_ahead(self, report: ZygoteReport) -> None:
        """Hear of the kernel that a zygote has forked ahead."""
        zygote = self.zygotes.get(report.name)
        if zygote is not None and self.forethought is not None:
            self.forethought.take_report(zygote, report)

    def facts(self) -> ZygoteList:
        """What there is. Reads the table of processes: not for the event loop's thread."""
        return ZygoteList(
            zygotes=[one.fact() for one in list(self.zygotes.values())],
            most=self.settings.most,
            forked=self._forked,
            executed=self._executed,
            failed=self._failed,
            pressure=self.pressure,
        )

    def overlaid(self, found: ImageList) -> ImageList:
        """Say of each image how a kernel of it would be started now."""
        return msgspec.structs.replace(found, images=[self._judged(one) for one in found.images])

    def _judged(self, image: FoundImage) -> FoundImage:
        reason = self._why_executed(image)
        if not reason:
            return replace(image, start="fork", start_reason="")
        return replace(image, start="exec", start_reason=reason)

    def _why_executed(self, image: FoundImage) -> str:
        order = LaunchOrder(kernel_id="", attempt=1, provider=image.provider, image=image.name)
        if never := why_never(order, self.settings.most):
            return never
        if image.language.lower() not in ("python", ""):
            return "not Python"
        if image.problem is not None:
            return "it cannot start a kernel now"
        if image.reference in self._never:
            return self._never[image.reference]
        mine = [one for one in self.zygotes.values() if image.reference in one.images]
        # One without a list of its own speaks for the image; else the one that was used last.
        mine.sort(key=lambda one: (one.recipe is not None and not one.recipe.preload, one.used))
        return mine[-1].reason if mine else NOT_USED

    def _usable(self, zygote: Zygote) -> Zygote | str:
        if zygote.state != "ready" or zygote.fingerprint is None:
            if zygote.may_boot(time.monotonic()):
                self.wake.set()
            elif zygote.wanted is not None and not zygote.wanted.plain and zygote.asked < _ENOUGH:
                return (
                    "it has settings that no kernel before had; the next such kernel may be forked"
                )
            return zygote.reason
        if changed := zygote.fingerprint.changed():
            reason = f"its environment has changed ({changed})"
            self._log.info("zygote.stale", zygote=zygote.name, changed=changed)
            zygote.has_changed(reason)
            self.wake.set()
            return reason
        return zygote

    def _note_failure(self, zygote: Zygote, problem: str) -> None:
        zygote.failures += 1
        self._failed += 1
        self._log.warning("zygote.fork_failed", zygote=zygote.name, problem=problem)

    def _forget_one(self) -> None:
        """Make room in what is remembered."""
        if len(self.zygotes) < MOST_KNOWN:
            return
        idle = [one for one in self.zygotes.values() if not one.there and not one.leaving]
        if idle:
            del self.zygotes[min(idle, key=lambda one: one.used).name]
