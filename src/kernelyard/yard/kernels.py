"""Kernels: asked for here, brought to life by their caretakers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from kernelyard.model.audit import Action
from kernelyard.model.errors import (
    KernelEnded,
    KernelNotFound,
    KernelNotOwned,
    KernelNotRunning,
)
from kernelyard.model.exits import InterruptOutcome
from kernelyard.model.kernel_phases import KernelState, Phase, Wanted
from kernelyard.model.kernels import (
    RESTARTED_BY,
    Kernel,
    KernelOrder,
    StateChange,
)
from kernelyard.model.paging import checked_limit, decode_cursor, encode_cursor
from kernelyard.model.principals import Principal, Scope
from kernelyard.model.prospects import Prospect, prospect_of
from kernelyard.model.records import EndCause
from kernelyard.model.signals import checked_reason, checked_signal
from kernelyard.model.tasks import Cancellation
from kernelyard.ports.bell import events_topic, kernel_topic, settled_topic
from kernelyard.ports.stores import KernelQuery
from kernelyard.yard.attachments import Attachments
from kernelyard.yard.caretakers import Caretakers
from kernelyard.yard.creating import Creating
from kernelyard.yard.world import World

LET_GO = (
    "This kernel was let go of, so it cannot be told to shut down from here. Attach it again, or end it "
    "where it was started."
)
Until = Literal["ready", "ended", "gone"]
_POLL_SECONDS = 5.0
_PHASES_OF: dict[KernelState, frozenset[Phase]] = {
    KernelState.STARTING: frozenset({Phase.REQUESTED, Phase.LAUNCHING, Phase.CONNECTING}),
    KernelState.IDLE: frozenset({Phase.READY}),
    KernelState.BUSY: frozenset({Phase.READY}),
    KernelState.RESTARTING: frozenset({Phase.READY, Phase.CONNECTING}),
    KernelState.TERMINATING: frozenset(set(Phase) - {Phase.STOPPED, Phase.FAILED}),
    KernelState.TERMINATED: frozenset({Phase.STOPPED}),
    KernelState.FAILED: frozenset({Phase.FAILED}),
}


class Kernels:
    """Everything a door can do with kernels."""

    def __init__(
        self,
        world: World,
        creating: Creating,
        caretakers: Caretakers,
        attachments: Attachments,
    ) -> None:
        self._store = world.store
        self._agents = world.agents
        self._bell = world.bell
        self._clock = world.clock
        self._limits = world.limits
        self._audit = world.audit
        self._creating = creating
        self._caretakers = caretakers
        self._attachments = attachments

    async def create(
        self,
        who: Principal,
        order: KernelOrder,
        *,
        reuse: bool = False,
        idempotency_key: str | None = None,
    ) -> tuple[Kernel, bool]:
        """Ask for a kernel; see ``Creating.create``."""
        return await self._creating.create(who, order, reuse=reuse, idempotency_key=idempotency_key)

    async def get(self, who: Principal, kernel_id: str) -> Kernel:
        """Raises KernelNotFound."""
        who.must(Scope.READ)
        return await self._store.kernels.get(kernel_id, who.sees)

    async def by_external_id(self, who: Principal, external_id: str) -> Kernel:
        """Return the kernel that ``who`` has given this id; for administrators, then, anybody's.

        Raises KernelNotFound.
        """
        who.must(Scope.READ)
        try:
            return await self._store.kernels.by_external_id(external_id, who.name)
        except KernelNotFound:
            if not who.is_admin:
                raise
        return await self._store.kernels.by_external_id(external_id, None)

    async def history(self, who: Principal, kernel_id: str) -> list[StateChange]:
        """Return the kernel's state changes, oldest first. Raises KernelNotFound."""
        who.must(Scope.READ)
        kernel = await self._store.kernels.get(kernel_id, who.sees, leaving=True)
        return await self._store.kernels.history(kernel.no)

    async def list(
        self,
        who: Principal,
        *,
        states: frozenset[KernelState] | None = None,
        name: str | None = None,
        labels: dict[str, str] | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> tuple[list[Kernel], str | None]:
        """Return a page of kernels, newest first, and the cursor of the next page."""
        who.must(Scope.READ)
        size = checked_limit(limit, largest=self._limits.largest_page)
        before = decode_cursor(cursor)
        phases = frozenset[Phase]().union(*(_PHASES_OF[s] for s in states)) if states else None
        found: list[Kernel] = []
        while True:
            page = await self._store.kernels.find(
                KernelQuery(
                    owner=who.sees,
                    phases=phases,
                    name=name,
                    labels=labels or {},
                    before=before,
                    limit=size,
                )
            )
            found += [kernel for kernel in page.items if not states or kernel.state in states]
            before = page.next
            if before is None or len(found) >= size:
                break
        if len(found) > size:
            found, before = found[:size], found[size - 1].no
        return found, encode_cursor(before) if before is not None else None

    async def terminate(self, who: Principal, kernel_id: str, *, shut_down: bool = False) -> Kernel:
        """Free what the kernel holds; its tasks and outputs stay. Repeatable.

        One that somebody else has started is let go of and runs on, unless ``shut_down`` says
        otherwise. Raises KernelNotFound, KernelNotRunning if it cannot be told to shut down yet, and
        KernelEnded if that cannot be any more.
        """
        return await self._want(who, kernel_id, Wanted.STOP, shut_down=shut_down)

    async def delete(self, who: Principal, kernel_id: str) -> None:
        """Terminate, then remove every trace. The kernel cannot be seen any more at once.

        Raises KernelNotFound.
        """
        await self._want(who, kernel_id, Wanted.GONE)

    async def restart(
        self, who: Principal, kernel_id: str, *, cancel_queued: bool = False
    ) -> Kernel:
        """Start the process anew; id, name, work directory and, unless told otherwise, queue stay.

        Raises KernelNotFound, KernelEnded, KernelNotOwned.
        """
        who.must(Scope.MANAGE)
        kernel = await self.get(who, kernel_id)
        if not kernel.owned:
            raise KernelNotOwned
        if not kernel.takes_tasks:
            raise KernelEnded(_ended(kernel))
        if cancel_queued:
            how = Cancellation(by=who.name)
            await self._store.tasks.request_cancel_queued(kernel.no, how)
        changed = await self._store.kernels.want_attempt(
            kernel.no, self._clock.now(), f"{RESTARTED_BY}{who.name}"
        )
        self._audit.note(who, Action.KERNEL_RESTART, kernel.id)
        self._caretakers.attend(kernel.no)
        self._bell.ring(kernel_topic(kernel.no))
        self._bell.ring(settled_topic(kernel.no))
        self._bell.ring(events_topic())
        return changed or kernel

    def prospect(self, kernel: Kernel) -> Prospect | None:
        """When a kernel will be ended unless something happens, and why."""
        found = prospect_of(kernel)
        kept = kernel.template.spec.attached_keeps_alive and self._attachments.holds(kernel.id)
        if found is not None and found.cause is EndCause.IDLE and kept:
            return prospect_of(replace(kernel, last_activity_at=None))
        return found

    async def interrupt(
        self, who: Principal, kernel_id: str, *, reason: str = "", restart_if_needed: bool = False
    ) -> tuple[InterruptOutcome, bool]:
        """Interrupt what the kernel runs; return what is known of it, and whether it is restarted.

        An interrupt that would end the kernel is not sent; with ``restart_if_needed`` the kernel is
        restarted instead. Raises Invalid, KernelNotFound, KernelEnded, KernelNotRunning,
        AgentUnavailable.
        """
        who.must(Scope.MANAGE if restart_if_needed else Scope.RUN)
        reason = checked_reason(reason)
        kernel = await self._running(who, kernel_id)
        async with self._agents.asked() as link:
            outcome = await link.interrupt(kernel.id, who.name, reason)
        self._audit.note(who, Action.KERNEL_INTERRUPT, kernel.id, outcome=outcome.value)
        stuck = outcome in (InterruptOutcome.WOULD_KILL, InterruptOutcome.NOT_DELIVERED)
        if stuck and restart_if_needed and kernel.owned:
            await self.restart(who, kernel_id)
            return outcome, True
        return outcome, False

    async def signal(
        self, who: Principal, kernel_id: str, signal: str | int, *, reason: str = ""
    ) -> bool:
        """Send a signal to the kernel and what belongs to it; return whether it arrived.

        Raises Invalid, KernelNotFound, KernelEnded, KernelNotRunning, AgentUnavailable.
        """
        who.must(Scope.MANAGE)
        number, reason = checked_signal(signal), checked_reason(reason)
        kernel = await self._running(who, kernel_id)
        async with self._agents.asked() as link:
            arrived = await link.signal(kernel.id, number, who.name, reason)
        self._audit.note(who, Action.KERNEL_SIGNAL, kernel.id, signal=str(number))
        return arrived

    async def _running(self, who: Principal, kernel_id: str) -> Kernel:
        kernel = await self.get(who, kernel_id)
        if not kernel.takes_tasks:
            raise KernelEnded(_ended(kernel))
        if kernel.phase is not Phase.READY:
            raise KernelNotRunning
        return kernel

    async def wait(
        self,
        who: Principal,
        kernel_id: str,
        *,
        until: Until,
        timeout: float,
    ) -> Kernel:
        """Return the kernel when it is ready (or has ended), or has ended, or ``timeout`` s passed.

        One that was deleted is waited for until nothing of it is left. Raises KernelNotFound; until it is
        gone, that is the good end.
        """
        who.must(Scope.READ)
        deadline = self._clock.now() + int(timeout * 1_000_000)
        leaving = until == "gone"
        kernel = await self._store.kernels.get(kernel_id, who.sees, leaving=leaving)
        done = _DONE[until]
        while True:
            mark = self._bell.mark(settled_topic(kernel.no))
            kernel = await self._store.kernels.get(kernel_id, who.sees, leaving=leaving)
            left = (deadline - self._clock.now()) / 1_000_000
            if done(kernel) or left <= 0 or self._bell.muffled:
                return kernel
            await self._bell.wait(settled_topic(kernel.no), mark, min(left, _POLL_SECONDS))

    async def _want(
        self, who: Principal, kernel_id: str, wanted: Wanted, *, shut_down: bool = False
    ) -> Kernel:
        who.must(Scope.MANAGE)
        kernel = await self.get(who, kernel_id)
        reason = f"terminated by {who.name}"
        if not kernel.owned:
            if shut_down and kernel.takes_tasks and kernel.phase is not Phase.READY:
                raise KernelNotRunning(
                    "This kernel has not answered yet, so it cannot be told to shut down. Wait until "
                    "its state is idle or busy, or leave 'shut_down' out to let go of it."
                )
            if shut_down and not kernel.shut_down and _was_let_go(kernel):
                raise KernelEnded(LET_GO)
            reason = f"{'shut down' if shut_down else 'detached'} by {who.name}"
        changed = await self._store.kernels.want(
            kernel.no, wanted, reason, self._clock.now(), shut_down=shut_down and not kernel.owned
        )
        deed = Action.KERNEL_DELETE if wanted is Wanted.GONE else Action.KERNEL_TERMINATE
        self._audit.note(who, deed, kernel.id)
        self._caretakers.attend(kernel.no)
        self._bell.ring(kernel_topic(kernel.no))
        self._bell.ring(settled_topic(kernel.no))
        self._bell.ring(events_topic())
        return changed or kernel


def _is_up_or_ended(kernel: Kernel) -> bool:
    up = kernel.state in (KernelState.IDLE, KernelState.BUSY)
    return up or kernel.phase.is_final


def _was_let_go(kernel: Kernel) -> bool:
    causes = (None, EndCause.ASKED, EndCause.IDLE, EndCause.LIFE_LIMIT)
    return not kernel.takes_tasks and kernel.cause in causes


def _has_ended(kernel: Kernel) -> bool:
    return kernel.phase.is_final


_DONE: dict[Until, Callable[[Kernel], bool]] = {
    "ready": _is_up_or_ended,
    "ended": _has_ended,
    "gone": lambda _: False,
}


def _ended(kernel: Kernel) -> str:
    why = f" ({kernel.reason})" if kernel.reason else ""
    return (
        f"The kernel is {kernel.state.value}{why}. Its outputs stay readable; "
        "create a new kernel to run more code."
    )
