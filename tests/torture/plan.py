"""What is done to whom and when, in each round: all of it from the seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

TARGETS = {
    "kill-client": "client",
    "kill-server": "server",
    "kill-agent": "agent",
    "kill-kernel": "kernel",
    "kill-spawner": "spawner",
    "pause-server": "server",
    "pause-agent": "agent",
    "pause-kernel": "kernel",
    "fill-disk": "disk",
    "cut-link": "link",
    "restart-server": "server",
    "restart-agent": "agent",
    "kill-all": "client server agent spawner",
}
"""Every kind of fault, and what it hits; nothing is hit by two faults of a round."""
_LASTING = {
    "kill-client": (0.0, 2.0),
    "kill-server": (0.0, 3.0),
    "kill-agent": (0.0, 0.0),
    "kill-kernel": (0.0, 0.0),
    "kill-spawner": (0.0, 0.0),
    "pause-server": (1.0, 5.0),
    "pause-agent": (1.0, 6.0),
    "pause-kernel": (1.0, 5.0),
    "fill-disk": (1.0, 5.0),
    "cut-link": (0.3, 4.0),
    "restart-server": (0.0, 2.0),
    "restart-agent": (0.0, 0.0),
    "kill-all": (0.0, 2.0),
}
CUTS = ("cut", "stall", "tear")
QUIET_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing done to one target, and undone after a while."""

    kind: str
    at: float
    """Seconds from the beginning of the round."""
    lasting: float
    dice: int
    """Chooses among several targets or ways."""


@dataclass(frozen=True, slots=True)
class Step:
    """The beginning or the end of a fault."""

    at: float
    fault: Fault
    begins: bool


def plan(seed: int, number: int, kinds: list[str]) -> list[Fault]:
    """Return the faults of a round. Every kind has its turn; others come to it by chance."""
    dice = random.Random(f"{seed}/round {number}")  # noqa: S311 - chooses faults
    order = list(kinds)
    random.Random(f"{seed}/order {(number - 1) // len(kinds)}").shuffle(order)  # noqa: S311
    chosen = [order[(number - 1) % len(kinds)]]
    for _ in range(dice.choices([0, 1, 2], [40, 40, 20])[0]):
        free = [kind for kind in kinds if _may_come_to(kind, chosen)]
        if free:
            chosen.append(dice.choice(free))
    return [_fault(kind, dice) for kind in chosen]


def steps(faults: list[Fault]) -> list[Step]:
    """Return what is to be done, in order of time."""
    found = [Step(one.at, one, begins=True) for one in faults]
    found += [Step(one.at + one.lasting, one, begins=False) for one in faults]
    return sorted(found, key=lambda step: (step.at, not step.begins))


def _may_come_to(kind: str, chosen: list[str]) -> bool:
    hit = {target for one in chosen for target in TARGETS[one].split()}
    return not hit.intersection(TARGETS[kind].split())


def _fault(kind: str, dice: random.Random) -> Fault:
    lasting = dice.uniform(*_LASTING[kind])
    return Fault(kind, dice.uniform(1.0, 5.0), lasting, dice.randrange(1 << 30))
