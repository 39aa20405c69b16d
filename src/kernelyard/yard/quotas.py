"""Quotas: kernels are let in or wait, tasks are taken or refused, and everybody may see why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kernelyard.model.audit import Action
from kernelyard.model.errors import Forbidden, NotFound
from kernelyard.model.kernels import Kernel
from kernelyard.model.principals import Principal, Scope
from kernelyard.model.quantities import Micros
from kernelyard.model.quotas import (
    HELD,
    Amounts,
    Resource,
    Rules,
    Share,
    UserQuota,
    amount_text,
    check_counts,
    checked_limits,
    demand_of,
    limits_of,
)
from kernelyard.model.tasks import Task
from kernelyard.model.templates import Template, TemplateSpec
from kernelyard.ports.bell import kernel_topic, quotas_topic
from kernelyard.ports.quota_store import Round, Usage
from kernelyard.ports.stores import Idempotency
from kernelyard.yard.access import only_admin
from kernelyard.yard.caretakers import Caretakers
from kernelyard.yard.log import event, failure
from kernelyard.yard.metrics import Metric, gauge
from kernelyard.yard.world import World

WAITING_SECONDS = 5.0
"""Rings may be lost: while kernels wait they are looked at so often in any case."""
CALM_SECONDS = 60.0
LONGEST_USER = 128
Numbers = dict[tuple[str, ...], float]
_REMEMBER: Micros = 1_000_000
_NEAR = 64 * 1024 * 1024
"""So few bytes below a limit what is stored is added up for every task."""


@dataclass(frozen=True, slots=True)
class UserShare:
    """What a user has and may have."""

    user: str
    share: Share
    said: UserQuota | None
    """What is said of him alone."""


class Quotas:
    """Knows the rules; lets in those who wait, for as long as the server runs."""

    def __init__(self, world: World, caretakers: Caretakers) -> None:
        limits = world.limits
        self._store = world.store
        self._bell = world.bell
        self._clock = world.clock
        self._audit = world.audit
        self._caretakers = caretakers
        self._rules = Rules(
            {**limits.server, Resource.KERNELS: limits.max_kernels},
            limits.each,
            waiting=limits.max_waiting_kernels,
            waiting_each=limits.user_max_waiting_kernels,
        )
        self._said: dict[str, Amounts] = {}
        self._limited: frozenset[Resource] = frozenset()
        """What is limited for anybody."""
        self._stored: dict[str | None, tuple[int, Micros]] = {}

    @property
    def of_kernels(self) -> Rules | None:
        """What is to be kept when a kernel is made; None where nothing is limited."""
        return None if self._limited.isdisjoint(HELD) else self._rules

    async def look(self) -> dict[str, UserQuota]:
        """Learn what is said of users; return it by name."""
        said = {one.user: one for one in await self._store.quotas.all()}
        self._said = {user: quota.limits for user, quota in said.items()}
        limits = (self._rules.server, self._rules.each, *self._said.values())
        self._limited = frozenset(one for one in Resource if any(each.get(one) for each in limits))
        return said

    async def keep(
        self, kernel: Kernel, idempotency: Idempotency | None, *, may_wait: bool = True
    ) -> tuple[Kernel, bool]:
        """Keep a new kernel as the store does: let in, or waiting until there is room.

        Raises what the store's ``insert`` raises, NeverFits, and LimitReached for one that may not wait,
        or where too many wait.
        """
        rules = self.of_kernels
        if rules is None:
            return await self._store.kernels.insert(kernel, idempotency)
        kept, created, done = await self._store.quotas.place(
            kernel, idempotency, rules, may_wait=may_wait
        )
        self._tell(done)
        if created and not kept.admitted:
            event("kernel.waits_for_room", kernel_id=kept.id, reason=kept.reason)
            self._bell.ring(quotas_topic())
        return kept, created

    def check_template(self, who: Principal, template: Template) -> None:
        """Raise NeverFits if a user has left open in a template of his own what is limited for him.

        Administrators may: then kernels of that template are not counted.
        """
        if template.owner == who.name and not who.is_admin:
            own = limits_of(self._rules, self._said.get(who.name))
            check_counts(template.spec, self._rules.server, own)

    async def submit(self, task: Task, idempotency: Idempotency | None) -> tuple[Task, bool]:
        """Keep a new task as the store does, unless a quota forbids it.

        Raises what the store's ``insert`` raises, and LimitReached.
        """
        refusal = await self.too_much_stored(task.owner)
        if refusal is None and Resource.TASKS not in self._limited:
            return await self._store.tasks.insert(task, idempotency)
        return await self._store.quotas.submit(task, idempotency, self._rules, refusal)

    async def too_much_stored(self, owner: str) -> str | None:
        """Why no more of an owner's code may be taken, for what is stored already; None if it may."""
        if Resource.STORED not in self._limited:
            return None
        for whose, limits in (
            (owner, limits_of(self._rules, self._said.get(owner))),
            (None, self._rules.server),
        ):
            limit = limits.get(Resource.STORED, 0)
            if limit and (stored := await self._stored_bytes(whose, limit)) >= limit:
                return _full(stored, limit, own=whose is not None)
        return None

    async def run(self) -> None:
        """Let in those who wait whenever something has ended. Until cancelled, or the server stops."""
        while not self._bell.muffled:
            mark = self._bell.mark(quotas_topic())
            seconds = CALM_SECONDS
            try:
                await self.look()
                if await self._store.quotas.anybody_waits():
                    done = await self._store.quotas.admit(self._rules)
                    self._tell(done)
                    seconds = WAITING_SECONDS if done.waiting else CALM_SECONDS
            except Exception as error:  # noqa: BLE001 - the next look may go well
                failure("quotas.failed", error)
                seconds = WAITING_SECONDS
            await self._bell.wait(quotas_topic(), mark, seconds)

    async def why_no_spare(self, spec: TemplateSpec) -> str | None:
        """Why no kernel may be made ready for a pool now, as far as that can be told."""
        rules = self.of_kernels
        if rules is None:
            return None
        if await self._store.quotas.room_for_spare(spec, rules):
            return None
        used = await self._store.quotas.usage()
        for one in HELD:
            limit, asked = rules.server.get(one, 0), demand_of(spec).get(one, 0)
            held = sum(usage.used.get(one, 0) for usage in used.values())
            if limit and asked and held + asked > limit:
                most = amount_text(one, limit)
                return (
                    f"This server runs at most {most} at a time, those that are kept ready among them."
                    if one is Resource.KERNELS
                    else f"This server gives {most} at most, to those that are kept ready, too."
                )
        return "Kernels that were asked for wait for room."

    async def of(self, who: Principal, user: str) -> UserShare:
        """Return what a user has and may have. Raises Forbidden for that of others, NotFound."""
        who.must(Scope.READ)
        if user != who.name:
            only_admin(who)
            _check_name(user)
        used = (await self._store.quotas.usage(user)).get(user, Usage({}))
        return self._share(user, used, await self.look())

    async def everybodys(self, who: Principal) -> tuple[Share, list[UserShare]]:
        """Return what all have together, and each who has anything or of whom something is said.

        Raises Forbidden for users.
        """
        only_admin(who)
        used = await self._store.quotas.usage()
        said = await self.look()
        names = sorted({*used, *said} - {""})
        return self._total(used), [self._share(n, used.get(n, Usage({})), said) for n in names]

    async def set(self, who: Principal, user: str, limits: Amounts) -> UserShare:
        """Say what one user may have; what is not named is as the settings say.

        Raises Forbidden for users, Invalid, NotFound for what cannot be a name.
        """
        only_admin(who)
        _check_name(user)
        quota = UserQuota(user, checked_limits(limits), self._clock.now())
        await self._store.quotas.put(quota)
        said = {one.value: str(limit) for one, limit in quota.limits.items()}
        await self._audit.write(who, Action.QUOTA_SET, user, **said)
        await self._changed()
        return await self.of(who, user)

    async def reset(self, who: Principal, user: str) -> None:
        """Forget what was said of a user. Raises Forbidden for users, NotFound."""
        only_admin(who)
        if not await self._store.quotas.remove(user):
            raise NotFound("Nothing is said of this user's quota: it is as the settings say.")
        await self._audit.write(who, Action.QUOTA_RESET, user)
        await self._changed()

    async def metrics(self) -> list[Metric]:
        """What is used and limited, for all together."""
        total = self._total(await self._store.quotas.usage())
        used: Numbers = {(one.value,): float(total.used.get(one, 0)) for one in Resource}
        limits: Numbers = {(one.value,): float(total.limits.get(one, 0)) for one in Resource}
        return [
            Metric("kernelyard_quota_used", "What is in use now.", "gauge", used, ("resource",)),
            Metric(
                "kernelyard_quota_limit",
                "How much may be; 0 if any.",
                "gauge",
                limits,
                ("resource",),
            ),
            gauge("kernelyard_kernels_waiting", "Kernels waiting for room.", total.waiting),
        ]

    def _share(self, user: str, usage: Usage, said: Mapping[str, UserQuota]) -> UserShare:
        mine = said.get(user)
        limits = limits_of(self._rules, mine.limits if mine else None)
        return UserShare(user, Share(usage.used, limits, usage.waiting), mine)

    def _total(self, usage: Mapping[str, Usage]) -> Share:
        used = {one: sum(each.used.get(one, 0) for each in usage.values()) for one in Resource}
        waiting = sum(each.waiting for each in usage.values())
        return Share(used, self._rules.server, waiting)

    async def _stored_bytes(self, owner: str | None, limit: int) -> int:
        now = self._clock.now()
        known = self._stored.get(owner)
        if known is not None and now - known[1] < _REMEMBER and known[0] + _NEAR < limit:
            return known[0]
        stored = await self._store.quotas.stored_bytes(owner)
        self._stored[owner] = (stored, now)
        return stored

    async def _changed(self) -> None:
        await self.look()
        self._bell.ring(quotas_topic())

    def _tell(self, done: Round) -> None:
        for kernel_no in (*done.given_up, *done.admitted):
            self._caretakers.attend(kernel_no)
            self._bell.ring(kernel_topic(kernel_no))


def _full(stored: int, limit: int, *, own: bool) -> str:
    has = f"{amount_text(Resource.STORED, stored)}, and {amount_text(Resource.STORED, limit, bare=True)}"
    if own:
        return (
            f"Your kernels have {has} are allowed, so no more tasks are taken. Delete kernels whose "
            "outputs you no longer need; what runs goes on."
        )
    return (
        f"This server has {has} are allowed, so no more tasks are taken. Delete kernels whose outputs "
        "are no longer needed, or ask an administrator to raise 'max_stored_bytes'; what runs goes on."
    )


def _check_name(user: str) -> None:
    if not 1 <= len(user) <= LONGEST_USER or not user.isprintable() or "/" in user:
        raise NotFound(
            f"There can be no user of this name: names have 1 to {LONGEST_USER} characters."
        )


def check_priority_of(who: Principal, priority: int) -> None:
    """Raise Forbidden if somebody would be served before others without being an administrator."""
    if priority > 0 and not who.is_admin:
        raise Forbidden("Only an administrator may raise a priority. Leave it at 0, or lower it.")
