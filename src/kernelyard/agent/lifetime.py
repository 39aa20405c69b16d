"""How long a kernel may live: idle for so long, alive for so long; and a warning before its end.

Idle is a judgement. A kernel is idle only when nothing runs or waits, no client is attached, and no
process of it works; and then for as long as its template says since the last of these. It is judged
here, beside the kernel, so that it works while no server runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from kernelyard.agent.belongings import ProcessTable
from kernelyard.agent.endings import body, idle_reason, life_reason
from kernelyard.agent.journal import Journal, wall_clock
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.quantities import Micros
from kernelyard.model.records import EndCause, RecordKind

WARN_SECONDS = 60.0
"""A warning comes so long before the end, or a fifth of the limit if that is less."""
LONGEST_LOOK = 60.0
"""Seconds between two looks at how much processor time a kernel's processes use."""
FOUND_SECONDS = 10.0
"""Longer than a server takes to say again who is attached."""
WORKS = 0.05
"""Share of one processor from which on a kernel's processes count as working."""
_TICKS = 2.5
"""Clock ticks are hundredths of a second: less use than this is not measured well."""
WORKING = "a process of it uses the processor"
ATTACHED = "a client is attached"


class Busy(Protocol):
    """Who knows whether something runs or waits."""

    @property
    def quiet(self) -> bool: ...
    @property
    def active_at(self) -> float: ...


@dataclass(frozen=True, slots=True)
class Due:
    """When a kernel has to end, and why."""

    at: float
    """In the loop's time."""
    cause: EndCause
    reason: str
    warn: float
    """Seconds before that at which a warning is due."""


class Lifetime:
    """Ends one kernel when its time has come."""

    def __init__(
        self,
        order: LaunchOrder,
        tasks: Busy,
        journal: Journal,
        table: ProcessTable,
        end: Callable[[str, EndCause], None],
    ) -> None:
        self._order = order
        self._tasks = tasks
        self._journal = journal
        self._table = table
        self._end = end
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._life_begins: float | None = None
        self._otherwise_active_at = 0.0
        """When it was last found active though no task ran."""
        self._because = ""
        self._noted_at = 0.0
        self._attached_until = 0.0
        self._usage: dict[int, float] = {}
        self._used_at = 0.0
        self._earliest = 0.0
        self._warned: Due | None = None
        self.others: Callable[[], str] = lambda: ""
        """Says why it was not idle since it was asked last, as far as others know; or nothing."""

    def launched(self, at: Micros) -> None:
        """Its life is counted from here; a later launch does not prolong it."""
        if self._life_begins is None:
            self._life_begins = self._loop.time() - (wall_clock() - at) / 1_000_000
            self.look()

    def claimed(self, order: LaunchOrder) -> None:
        """It has waited until now and is somebody's: from here on his order counts."""
        self._order = order
        self._life_begins = None
        self.launched(order.claimed_at)

    def found_again(self) -> None:
        """An earlier agent has looked after the kernel: what it knew of clients and work is not known.

        So it is not judged idle before there was time to find out.
        """
        self._earliest = self._loop.time() + FOUND_SECONDS

    def attach(self, seconds: float) -> None:
        """A client is attached for so long, at least."""
        self._attached_until = max(self._attached_until, self._loop.time() + seconds)

    def look(self) -> None:
        """Do what is due, and see to it that the next look is in time."""
        self.cancel()
        if self._order.pooled:
            return
        limit, now = self._order.max_idle_seconds, self._loop.time()
        if limit and self._tasks.quiet:
            self._look_for_activity(limit, now)
        else:
            self._usage = {}
        dues = self._dues()
        for due in dues:
            if due.at <= now:
                self._end(due.reason, due.cause)
                return
        for due in dues:
            self._warn(due, now)
        looks = [due.at - now for due in dues]
        looks += [due.at - due.warn - now for due in dues if due.at - due.warn > now]
        if limit:
            looks.append(min(limit / 4, LONGEST_LOOK))
        if looks:
            self._timer = self._loop.call_later(max(0.01, min(looks)), self.look)

    def cancel(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _dues(self) -> list[Due]:
        order, dues = self._order, list[Due]()
        if order.max_life_seconds and self._life_begins is not None:
            at, limit = self._life_begins + order.max_life_seconds, order.max_life_seconds
            dues.append(Due(at, EndCause.LIFE_LIMIT, life_reason(limit), _warning(limit)))
        if order.max_idle_seconds and self._tasks.quiet:
            since, limit = self._active_at(), order.max_idle_seconds
            at = max(since + limit, self._earliest)
            dues.append(Due(at, EndCause.IDLE, idle_reason(limit), _warning(limit)))
        return sorted(dues, key=lambda due: due.at)

    def _active_at(self) -> float:
        return max(self._tasks.active_at, self._otherwise_active_at)

    def _look_for_activity(self, limit: float, now: float) -> None:
        """See whether it is active though no task runs; note it once it would have been ended."""
        if because := self.others():
            self._otherwise_active_at, self._because = now, because
        elif self._order.attached_keeps_alive and self._attached_until > now:
            self._otherwise_active_at, self._because = now, ATTACHED
        elif self._works(now):
            self._otherwise_active_at, self._because = now, WORKING
        told = max(self._tasks.active_at, self._noted_at)
        warn_at = told + limit - _warning(limit)
        if self._otherwise_active_at > told and now >= warn_at:
            self._journal.append([(0, RecordKind.KERNEL_ACTIVE, body(because=self._because))])
            self._noted_at = now

    def _works(self, now: float) -> bool:
        """Whether its processes used the processor since the last look."""
        before, self._usage = self._usage, self._table.processor_seconds(self._order.kernel_id)
        then, self._used_at = self._used_at, now
        if not before or self._tasks.active_at >= then:
            # What a task has used since the last look is no sign of work without one.
            return False
        seconds = now - then
        used = sum(spent - before.get(pid, 0.0) for pid, spent in self._usage.items())
        return used >= max(WORKS * seconds, _TICKS / 100)

    def _warn(self, due: Due, now: float) -> None:
        if now < due.at - due.warn:
            return
        warned = self._warned
        if warned is not None and warned.cause is due.cause and abs(warned.at - due.at) < 0.001:
            return
        self._warned = due
        at = wall_clock() + int((due.at - now) * 1_000_000)
        told = body(at=at, cause=due.cause.value, reason=f"it will be ended soon: {due.reason}")
        self._journal.append([(0, RecordKind.KERNEL_ENDING_SOON, told)])


def _warning(limit: float) -> float:
    return min(WARN_SECONDS, limit / 5)
