"""What somebody does to a kernel that runs, and what everybody who follows it is told of that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic
from typing import Any

from kernelyard.agent.endings import body
from kernelyard.agent.incarnation import Incarnation
from kernelyard.agent.interrupts import FUTILE
from kernelyard.agent.journal import Journal
from kernelyard.agent.launch.processes import signal_name
from kernelyard.agent.runner import Runner
from kernelyard.model.exits import ExitResult, InterruptOutcome
from kernelyard.model.records import EndCause, RecordKind

EFFECT_SECONDS = 2.0
"""How long an interrupt may take to stop what runs, before nothing is claimed of it."""
AFTERMATH_SECONDS = 10.0
"""An end so soon after a signal is told together with it."""
NOTE_SECONDS = 2.0
"""For notes of what was done to a kernel that has ended: they wait for nothing any more."""


class Interventions:
    """Interrupts and signals of one kernel; each leaves a record."""

    def __init__(self, journal: Journal, runner: Runner) -> None:
        self._journal = journal
        self._runner = runner
        self._last: tuple[Incarnation, str, float] | None = None
        """The last signal that was sent: to whom, in words, and when."""
        self._open: set[asyncio.Future[None]] = set()

    async def interrupt(
        self, incarnation: Incarnation, by: str, reason: str = ""
    ) -> InterruptOutcome:
        """Interrupt what runs; return what is known of it as soon as that is all, or some moments later."""
        over = self._runner.over()
        with self._being_noted():
            outcome = await incarnation.interrupt()
            if outcome not in FUTILE and over is not None:
                await _either(over, incarnation.gone)
            if outcome not in FUTILE and incarnation.over:
                outcome = InterruptOutcome.KILLED
            elif outcome not in FUTILE and over is not None and over.done():
                outcome = InterruptOutcome.EFFECTIVE
            what = f"interrupted by {by or 'somebody'}{_because(reason)} ({outcome.value})"
            self._note(RecordKind.KERNEL_INTERRUPTED, by=by, reason=what, outcome=outcome.value)
        return outcome

    async def signal(
        self, incarnation: Incarnation, number: int, by: str, reason: str = ""
    ) -> bool:
        """Send a signal to the kernel and what belongs to it; return whether it arrived."""
        name = signal_name(number)
        with self._being_noted():
            self._last = (incarnation, f"{name} was sent to it by {by or 'somebody'}", monotonic())
            delivered = await incarnation.signal(number)
            what = f"{name} sent by {by or 'somebody'}{_because(reason)}"
            self._note(
                RecordKind.KERNEL_SIGNALLED, by=by, reason=what, signal=name, delivered=delivered
            )
        return delivered

    def explained(self, incarnation: Incarnation, exit_: ExitResult) -> ExitResult:
        """The same end, with a signal just before it, where nobody can know otherwise how it came."""
        if exit_.code is None and exit_.signal is None and self._last is not None:
            to, what, at = self._last
            if to is incarnation and monotonic() - at < AFTERMATH_SECONDS:
                return replace(exit_, reason=f"{exit_.sentence()}; {what} just before")
        return exit_

    async def settled(self) -> None:
        """Wait until all that was done is noted: what ends a kernel stands before its end."""
        if self._open:
            await asyncio.wait(self._open, timeout=NOTE_SECONDS)

    @contextmanager
    def _being_noted(self) -> Iterator[None]:
        noted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._open.add(noted)
        try:
            yield
        finally:
            self._open.discard(noted)
            noted.set_result(None)

    def _note(self, kind: RecordKind, **fields: object) -> None:
        """Tell everybody who follows; not behind the journal's last record."""
        if not self._journal.closed:
            told = body(**fields, cause=EndCause.ASKED.value)
            self._journal.append([(0, kind, told)])


async def _either(over: asyncio.Future[None], gone: asyncio.Event) -> None:
    ended = asyncio.ensure_future(gone.wait())
    either: set[asyncio.Future[Any]] = {over, ended}
    try:
        await asyncio.wait(either, timeout=EFFECT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    finally:
        ended.cancel()


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""
