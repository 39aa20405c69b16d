"""Quotas: how much may be used at once, who is let in next, and what the others wait for.

Kernels are let in one after the other: first those of a higher priority, then those that were asked
for first. One that waits for its owner's quota holds back nobody else's. One that waits for the server
holds back those behind it that ask for any of the same, so that a large one is not passed by small ones
for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from kernelyard.model.errors import Invalid, NeverFits
from kernelyard.model.quantities import Micros
from kernelyard.model.templates import TemplateSpec


class Resource(StrEnum):
    """What there is a limited amount of."""

    KERNELS = "kernels"
    CPU = "cpu"
    """In thousandths."""
    MEMORY = "memory"
    """Bytes."""
    GPU = "gpu"
    TASKS = "queued_tasks"
    STORED = "stored_bytes"


HELD = (Resource.KERNELS, Resource.CPU, Resource.MEMORY, Resource.GPU)
"""What a kernel has from its start to its end."""
LARGEST_LIMIT = 2**53
LARGEST_PRIORITY = 100

Amounts = Mapping[Resource, int]
"""What is not named is 0: nothing is used, and there is no limit."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say."""

    server: Amounts = field(default_factory=dict)
    """For all together."""
    each: Amounts = field(default_factory=dict)
    """For each user of whom nothing else is said."""
    waiting: int = 0
    """Kernels that may wait at once, of all together; 0 for no limit."""
    waiting_each: int = 0
    """The same of each user."""


@dataclass(frozen=True, slots=True)
class UserQuota:
    """What an administrator has said of one user. What is not named is as the settings say."""

    user: str
    limits: Amounts
    updated_at: Micros = 0


@dataclass(frozen=True, slots=True)
class Share:
    """How much somebody uses, and how much he may."""

    used: Amounts
    limits: Amounts
    waiting: int = 0
    """Kernels that wait until there is room."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A kernel that is not let in yet."""

    no: int
    owner: str
    demand: Amounts


@dataclass(slots=True)
class Room:
    """What is used, while kernels are let in one after the other."""

    rules: Rules
    said: Mapping[str, Amounts]
    """What is said of users, by name."""
    used: dict[str, dict[Resource, int]]
    """By owner; what waits in pools is nobody's and stands under the empty name."""
    _held: dict[str, set[Resource]] = field(default_factory=dict)
    """What those behind may not ask for, by owner."""
    _held_by_server: set[Resource] = field(default_factory=set)
    _totals: dict[Resource, int] = field(init=False)
    """What all use together; it would be added up for each that waits."""

    def __post_init__(self) -> None:
        """Add up what is used."""
        amounts = self.used.values()
        self._totals = {one: sum(mine.get(one, 0) for mine in amounts) for one in HELD}

    def limits_of(self, owner: str) -> Amounts:
        """What a user may use."""
        return limits_of(self.rules, self.said.get(owner))

    def total(self, resource: Resource) -> int:
        """How much all use together."""
        return self._totals.get(resource, 0)

    def lacking(self, owner: str, demand: Amounts) -> list[Resource]:
        """Of what the owner would have too much."""
        used, limits = self.used.get(owner, {}), self.limits_of(owner)
        return [one for one in HELD if _over(used.get(one, 0), demand, limits, one)]

    def lacking_here(self, demand: Amounts) -> list[Resource]:
        """Of what the server would give too much."""
        return [one for one in HELD if _over(self.total(one), demand, self.rules.server, one)]

    def take(self, owner: str, demand: Amounts) -> None:
        """Count a kernel that is let in."""
        self._count(owner, demand, 1)

    def release(self, owner: str, demand: Amounts) -> None:
        """Count a kernel no more."""
        self._count(owner, demand, -1)

    def _count(self, owner: str, demand: Amounts, times: int) -> None:
        mine = self.used.setdefault(owner, {})
        for one in HELD:
            before = mine.get(one, 0)
            mine[one] = max(0, before + times * demand.get(one, 0))
            self._totals[one] += mine[one] - before

    def why_not(self, asking: Asking) -> str | None:
        """Let a kernel in, and return None; or tell what it waits for, and hold back those behind."""
        owner, demand = asking.owner, asking.demand
        try:
            check_fits(demand, self.rules.server, self.limits_of(owner))
        except NeverFits as error:
            return error.message
        if own := self.lacking(owner, demand):
            self._held.setdefault(owner, set()).update(_held(demand, own, self.limits_of(owner)))
            return self._waits(own[0], asking, self.used.get(owner, {}).get(own[0], 0), own=True)
        here = self.lacking_here(demand)
        behind = [one for one in HELD if demand.get(one, 0) and self._is_held(owner, one)]
        if here:
            self._held_by_server |= _held(demand, here, self.rules.server)
        if behind:
            return (
                f"waiting for {amount_text(behind[0], demand[behind[0]])}, behind others that wait"
            )
        if here:
            return self._waits(here[0], asking, self.total(here[0]), own=False)
        self.take(owner, demand)
        return None

    def holds_back(self, demand: Amounts) -> bool:
        """Whether one that waits for the server is to have something of this before anybody else."""
        return any(demand.get(one, 0) for one in self._held_by_server)

    def is_behind(self, asking: Asking) -> bool:
        """Whether others are to have something of what is asked for first."""
        return any(asking.demand.get(one, 0) and self._is_held(asking.owner, one) for one in HELD)

    def _is_held(self, owner: str, resource: Resource) -> bool:
        return resource in self._held_by_server or resource in self._held.get(owner, ())

    def _waits(self, lacking: Resource, asking: Asking, used: int, *, own: bool) -> str:
        limits = self.limits_of(asking.owner) if own else self.rules.server
        most = amount_text(lacking, limits[lacking], bare=True)
        whose = "your " if own else ""
        return (
            f"waiting for {amount_text(lacking, asking.demand[lacking])}; "
            f"{amount_text(lacking, used, bare=True)} of {whose}{most} in use"
        )


def limits_of(rules: Rules, said: Amounts | None) -> Amounts:
    """What a user may use, by the settings and by what is said of him."""
    return {**rules.each, **said} if said else rules.each


def demand_of(spec: TemplateSpec, *, owned: bool = True) -> Amounts:
    """What a kernel of a template holds; one that somebody else has started is one more kernel only."""
    if not owned:
        return {Resource.KERNELS: 1}
    return {
        Resource.KERNELS: 1,
        Resource.CPU: spec.milli_cpu_limit,
        Resource.MEMORY: spec.memory_bytes_limit,
        Resource.GPU: spec.gpu,
    }


def check_fits(demand: Amounts, server: Amounts, own: Amounts) -> None:
    """Raise NeverFits if something is asked for that would be too much with nothing else in use."""
    for limits, whose in ((server, "this server gives"), (own, "your quota is")):
        for one in HELD:
            if _over(0, demand, limits, one):
                raise NeverFits(
                    f"This asks for {amount_text(one, demand[one])}, and {whose} "
                    f"{amount_text(one, limits[one])} at most. Choose a template that asks for less, or "
                    "ask an administrator to raise the limit."
                )


def check_counts(spec: TemplateSpec, server: Amounts, own: Amounts) -> None:
    """Raise NeverFits if a template leaves open what is limited: a kernel of it would count as none."""
    for one, field_name in (
        (Resource.CPU, "milli_cpu_limit"),
        (Resource.MEMORY, "memory_bytes_limit"),
    ):
        limit, here = own.get(one, 0), server.get(one, 0)
        if not demand_of(spec)[one] and (limit or here):
            whose = "your quota is" if limit else "this server gives"
            raise NeverFits(
                f"Your template has no '{field_name}', and {whose} {amount_text(one, limit or here)} at "
                "most. Give the template that limit, or choose one of an administrator.",
                field="template",
            )


def checked_limits(limits: Amounts) -> dict[Resource, int]:
    """Return limits if each can be one. Raises Invalid."""
    for one, limit in limits.items():
        if not 0 <= limit <= LARGEST_LIMIT:
            raise Invalid(
                f"'{one.value}' must be 0, for no limit, or a number up to {LARGEST_LIMIT}.",
                field=one.value,
            )
    return dict(limits)


def checked_priority(priority: int) -> int:
    """Return a priority if it can be one. Raises Invalid."""
    if not -LARGEST_PRIORITY <= priority <= LARGEST_PRIORITY:
        raise Invalid(
            f"'priority' must be between -{LARGEST_PRIORITY} and {LARGEST_PRIORITY}; 0 is usual.",
            field="priority",
        )
    return priority


def amount_text(resource: Resource, amount: int, *, bare: bool = False) -> str:
    """An amount as people write it: ``2 CPU``, ``1.5 GiB of memory``, ``1 GPU``; ``bare`` is shorter."""
    match resource:
        case Resource.CPU:
            number, unit = f"{amount / 1000:g}", "CPU"
        case Resource.GPU:
            number, unit = str(amount), "GPU"
        case Resource.MEMORY | Resource.STORED:
            number = _bytes_text(amount)
            unit = "of memory" if resource is Resource.MEMORY else "of outputs"
        case Resource.KERNELS | Resource.TASKS:
            noun = "kernel" if resource is Resource.KERNELS else "queued task"
            number, unit = str(amount), noun if amount == 1 else f"{noun}s"
        case _:
            assert_never(resource)
    return number if bare else f"{number} {unit}"


def _bytes_text(amount: int) -> str:
    for unit, size in (("TiB", 1024**4), ("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024)):
        if amount >= size:
            return f"{amount / size:.4g} {unit}"
    return f"{amount} B"


def _over(used: int, demand: Amounts, limits: Amounts, resource: Resource) -> bool:
    asked, limit = demand.get(resource, 0), limits.get(resource, 0)
    return bool(asked and limit and used + asked > limit)


def _held(demand: Amounts, lacking: Iterable[Resource], limits: Amounts) -> set[Resource]:
    """What one that waits keeps from those behind it: all that it asks for and that is limited.

    Not the number of kernels, unless it is that which it waits for: one that waits for a GPU
    would hold back everybody.
    """
    asked = {one for one in HELD if demand.get(one, 0) and limits.get(one, 0)}
    return (asked - {Resource.KERNELS}) | set(lacking)


@dataclass(frozen=True, slots=True)
class Spare:
    """A kernel that waits in a pool and may give way."""

    no: int
    demand: Amounts


def let_in(
    room: Room, askings: Iterable[Asking], spares: Iterable[Spare]
) -> tuple[dict[int, str | None], list[int]]:
    """Let in whom there is room for, in the order given.

    Returns for each by number why it waits, None for those that are let in; and which spares gave way.
    """
    left, given_up = list(spares), list[int]()
    reasons: dict[int, str | None] = {}
    for asking in askings:
        given_up += _make_way(room, asking, left)
        reasons[asking.no] = room.why_not(asking)
    return reasons, given_up


def _make_way(room: Room, asking: Asking, spares: list[Spare]) -> list[int]:
    """Give up the spares that are in the way, if that helps; they are taken out of the list."""
    if room.lacking(asking.owner, asking.demand) or room.is_behind(asking):
        return []
    given_up: list[Spare] = []
    left = list(spares)
    while lacking := room.lacking_here(asking.demand):
        spare = next((one for one in left if any(one.demand.get(r, 0) for r in lacking)), None)
        if spare is None:
            for one in given_up:
                room.take("", one.demand)
            return []
        left.remove(spare)
        room.release("", spare.demand)
        given_up.append(spare)
    spares[:] = left
    return [one.no for one in given_up]


def room_for_spare(room: Room, askings: Iterable[Asking], demand: Amounts) -> bool:
    """Whether one more may wait in a pool, when all who ask and may be let in have been.

    Who waits for his own quota only, or for what he can never have, keeps no pool from being filled.
    """
    let_in(room, askings, ())
    return not room.holds_back(demand) and not room.lacking_here(demand)


def too_many_wait(rules: Rules, own: int, all_of_them: int) -> str | None:
    """Why a kernel may not wait, where so many wait already: its owner's and everybody's."""
    if rules.waiting_each and own >= rules.waiting_each:
        return (
            f"Of your kernels {own} wait for room already, and no more may. Wait until some have "
            "started, or end some."
        )
    if rules.waiting and all_of_them >= rules.waiting:
        return (
            f"On this server {all_of_them} kernels wait for room already, and no more may. Try again "
            "when some have started."
        )
    return None


def is_news(reason: str, told: str | None) -> bool:
    """Whether a kernel waits for something else than was told, or another limit is in its way.

    That others use a little more or less meanwhile is no news: of many who wait, each would be written
    anew whenever something starts or ends.
    """
    return told is None or _substance(reason) != _substance(told)


def _substance(reason: str) -> tuple[str, str]:
    wish, _, numbers = reason.partition("; ")
    return wish, numbers.rpartition(" of ")[2]


def too_many_tasks(rules: Rules, said: Amounts | None, own: int, all_of_them: int) -> str | None:
    """Why a task may not be queued, where so many are: its owner's and everybody's, itself among them."""
    most, here = limits_of(rules, said).get(Resource.TASKS, 0), rules.server.get(Resource.TASKS, 0)
    if most and own > most:
        return (
            f"You may have {amount_text(Resource.TASKS, most)} at a time. Wait until some have ended, "
            "or cancel some."
        )
    if here and all_of_them > here:
        return (
            f"This server takes {amount_text(Resource.TASKS, here)} at a time, and has them. Try again "
            "when some have ended."
        )
    return None
