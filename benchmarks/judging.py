"""Holding what was measured against the goals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from benchmarks.figures import percentile
from benchmarks.goals import Goal, Verdict
from benchmarks.roads import SDK, SOCKET

OURS = (SDK, SOCKET)


def judged(
    goal: Goal,
    ways: Mapping[str, Sequence[float]],
    peer: str,
    *,
    ours: Sequence[str] = OURS,
    part: float = 0.5,
) -> list[Verdict]:
    """Hold each of our ways against the peer: medians, or another percentile; all in seconds."""
    if not ways.get(peer):
        return []
    theirs = _at(ways[peer], part)
    return [
        Verdict(
            goal=goal,
            way=way,
            ours=1000 * _at(ways[way], part),
            peer=peer,
            theirs=1000 * theirs,
        )
        for way in ours
        if ways.get(way)
    ]


def _at(seconds: Sequence[float], part: float) -> float:
    return median(seconds) if part == 0.5 else percentile(seconds, part)
