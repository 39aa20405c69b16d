"""Figures: what a measure returns, and the table that they are printed in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    measure: str
    way: str
    """By which road: through us, straight, through a peer."""
    cells: tuple[str, ...]
    """Values with their units."""
    ratio: float | None = None
    """To the straight way of the same run."""


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value that ``part`` (0 to 1) of ``values`` do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


def spread(seconds: Sequence[float]) -> tuple[str, ...]:
    """Return p50, p95 and p99 in milliseconds, and how many there were."""
    parts = (median(seconds), percentile(seconds, 0.95), percentile(seconds, 0.99))
    named = zip(("p50", "p95", "p99"), parts, strict=True)
    return (*(f"{name} {value * 1000:.2f} ms" for name, value in named), f"n={len(seconds)}")


def compared(measure: str, ways: dict[str, list[float]], straight: str) -> list[Figure]:
    """Return a line for each way, each with the ratio of its median to that of ``straight``."""
    floor = median(ways[straight])
    return [
        Figure(measure, way, spread(seconds), median(seconds) / floor)
        for way, seconds in ways.items()
        if seconds
    ]


def table(figures: Iterable[Figure]) -> str:
    """Return the lines as one Markdown table, one column per cell."""
    rows = list(figures)
    width = max((len(row.cells) for row in rows), default=1)
    lines = [("measure", "way", *[""] * width, "to straight")]
    before = ""
    for row in rows:
        cells = (*row.cells, *[""] * (width - len(row.cells)))
        ratio = "" if row.ratio is None else f"{row.ratio:.2f} ×"
        lines.append(("" if row.measure == before else row.measure, row.way, *cells, ratio))
        before = row.measure
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    lines.insert(1, tuple("-" * max(3, wide) for wide in widths))
    return "\n".join(
        "| " + " | ".join(cell.ljust(wide) for cell, wide in zip(line, widths, strict=True)) + " |"
        for line in lines
    )
