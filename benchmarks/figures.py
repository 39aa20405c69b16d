"""Figures: what a measure returns, and the tables that they are printed in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from benchmarks.goals import Verdict


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    measure: str
    way: str
    """By which road: through us, straight, through a peer."""
    cells: tuple[str, ...]
    """Values with their units."""
    ratio: float | None = None
    """To another way of the same run."""
    against: str = "straight"
    """That other way."""


@dataclass(slots=True)
class Found:
    """Everything that one measure has found."""

    figures: list[Figure] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What was left out, and what is to be known about the figures."""
    failures: list[str] = field(default_factory=list)
    """Measures that could not be taken."""

    def add(self, other: Found) -> None:
        """Take in what another has found."""
        self.figures += other.figures
        self.verdicts += other.verdicts
        self.notes += other.notes
        self.failures += other.failures


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value that ``part`` (0 to 1) of ``values`` do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def spread(seconds: Sequence[float]) -> tuple[str, ...]:
    """Return p50, p95, p99 and the range in milliseconds, and how many there were."""
    parts = (median(seconds), percentile(seconds, 0.95), percentile(seconds, 0.99))
    named = zip(("p50", "p95", "p99"), parts, strict=True)
    ends = f"{1000 * min(seconds):.2f}–{1000 * max(seconds):.2f}"
    return (
        *(f"{name} {value * 1000:.2f} ms" for name, value in named),
        f"[{ends}]",
        f"n={len(seconds)}",
    )


def compared(measure: str, ways: Mapping[str, Sequence[float]], against: str) -> list[Figure]:
    """Return a line for each way, each with the ratio of its median to that of ``against``."""
    floor = median(ways[against]) if ways.get(against) else None
    return [
        Figure(measure, way, spread(seconds), floor and median(seconds) / floor, against)
        for way, seconds in ways.items()
        if seconds
    ]


def table(figures: Iterable[Figure]) -> str:
    """Return the lines as one Markdown table."""
    lines = [("measure", "way", "figures", "ratio")]
    before = ""
    for row in figures:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f} × {row.against}"
        cells = " · ".join(filter(None, row.cells))
        lines.append(("" if row.measure == before else row.measure, row.way, cells, ratio))
        before = row.measure
    return markdown(lines)


def markdown(lines: Iterable[tuple[str, ...]]) -> str:
    """Return a Markdown table with even columns, the first line its head."""
    rows = list(lines)
    widths = [max(len(line[column]) for line in rows) for column in range(len(rows[0]))]
    rows.insert(1, tuple("-" * max(3, wide) for wide in widths))
    return "\n".join(
        "| " + " | ".join(cell.ljust(wide) for cell, wide in zip(line, widths, strict=True)) + " |"
        for line in rows
    )
