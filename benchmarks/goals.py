"""Goals: how much better than a peer of the same run we want to be, and whether we are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["times better", "at most"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A ratio that is to be reached."""

    measure: str
    kind: Kind
    """``times better``: the peer's figure is to be so many times ours. ``at most``: ours is to be no
    more than so many times the peer's."""
    wanted: float

    def __str__(self) -> str:
        sign = "≥" if self.kind == "times better" else "≤"
        return f"{sign} {self.wanted:.3g} ×"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A goal and the two figures that are held against it. Smaller figures are better."""

    goal: Goal
    way: str
    """Ours."""
    ours: float
    peer: str
    theirs: float
    unit: str = "ms"
    flaw: str = ""
    """What went wrong, so that the goal is missed whatever the figures."""

    @property
    def ratio(self) -> float:
        """What is to be compared with what the goal wants."""
        upper, lower = self.ours, self.theirs
        if self.goal.kind == "times better":
            upper, lower = lower, upper
        return round(upper / lower, 6) if lower else float("inf")

    @property
    def reached(self) -> bool:
        """Whether the goal is reached."""
        if self.flaw:
            return False
        if self.goal.kind == "times better":
            return self.ratio >= self.goal.wanted
        return self.ratio <= self.goal.wanted

    @property
    def words(self) -> str:
        """Reached, or by how much it is missed."""
        if self.reached:
            return "reached"
        if self.flaw:
            return f"missed: {self.flaw}"
        short = self.goal.wanted / self.ratio if self.ratio else float("inf")
        short = short if self.goal.kind == "times better" else 1 / short
        return f"missed by a factor of {short:.2f}"

    def cells(self) -> tuple[str, ...]:
        """The line of the table of goals."""
        return (
            self.goal.measure,
            f"{self.way}: {_number(self.ours)} {self.unit}",
            f"{self.peer}: {_number(self.theirs)} {self.unit}",
            f"{self.ratio:.2f} ×",
            str(self.goal),
            self.words,
        )


HEAD = ("measure", "ours", "peer", "ratio", "goal", "verdict")


def faster(measure: str, wanted: float) -> Goal:
    """A goal to be so many times faster than the peer."""
    return Goal(measure=measure, kind="times better", wanted=wanted)


def at_most(measure: str, wanted: float) -> Goal:
    """A goal to take no more than so many times what the peer takes."""
    return Goal(measure=measure, kind="at most", wanted=wanted)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
