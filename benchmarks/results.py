"""The page that a full run writes: what it ran on, the goals, and every figure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures import Found, markdown, table
from benchmarks.goals import HEAD
from benchmarks.quiet import Calibration

PAGE = Path(__file__).with_name("RESULTS.md")
HOW = """\
Written by `make bench`; [what is measured, and how to read it](../docs/explanation/performance.md).
Figures of one run can be compared with each other, for the ways take turns in it, in an order left to
chance; figures of two runs or two machines cannot. Times are medians; in brackets the fastest and the
slowest. *ratio* is to the way that the last column names."""


def goals(found: Found) -> str:
    """Return the table of goals, and how many are reached."""
    if not found.verdicts:
        return "No goal was measured: there is no peer to measure against."
    reached = sum(verdict.reached for verdict in found.verdicts)
    lines = [HEAD, *(verdict.cells() for verdict in found.verdicts)]
    return f"{markdown(lines)}\n\n{reached} of {len(found.verdicts)} reached."


def console(about: Sequence[str], found: Found, calibrations: Sequence[Calibration]) -> str:
    """Return what is printed at the end of a run."""
    notes = [f"note: {note}" for note in _notes(found, calibrations)]
    return "\n".join([*about, "", table(found.figures), "", goals(found), *notes])


def page(
    about: Sequence[str],
    found: Found,
    calibrations: Sequence[Calibration],
    *,
    command: str,
    minutes: float,
) -> str:
    """Return the page."""
    date = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    about = list(about)
    if "--quick" in command:
        about.insert(0, "**a short run: these figures only show that the benchmarks work**")
    facts = [
        *about,
        f"`{command}`, {date}, {minutes:.0f} minutes",
        "a loop that should always take the same time, between the measures: "
        + _calibrated(calibrations),
    ]
    parts = [
        "# Results",
        HOW,
        "\n".join(f"- {fact}" for fact in facts),
        "## Goals",
        goals(found),
        "## All figures",
        table(found.figures),
    ]
    if notes := _notes(found, calibrations):
        parts += ["## To be known", "\n".join(f"- {note}" for note in notes)]
    return "\n\n".join(parts) + "\n"


def _notes(found: Found, calibrations: Sequence[Calibration]) -> list[str]:
    """What was said on the way, each once, and where the machine was not quiet."""
    uneven = [one.when for one in calibrations if not one.quiet]
    said = list(dict.fromkeys([*found.failures, *found.notes]))
    if uneven:
        said.append(f"others were at work on the machine {', '.join(uneven)}")
    return said


def _calibrated(calibrations: Sequence[Calibration]) -> str:
    loops = [one.loop for one in calibrations]
    slowest = max(one.slowest for one in calibrations)
    fastest = min(one.fastest for one in calibrations)
    middle = sorted(loops)[len(loops) // 2]
    return (
        f"median {1000 * middle:.1f} ms, all from {1000 * fastest:.1f} to {1000 * slowest:.1f} ms; "
        f"load at the start {calibrations[0].load:.2f}"
    )
