"""Goals of the benchmarks: reached or missed, and by how much."""

from __future__ import annotations

import pytest

from benchmarks.figures import Found, compared, percentile, table
from benchmarks.goals import Verdict, at_most, faster
from benchmarks.judging import judged
from benchmarks.quiet import Calibration
from benchmarks.results import goals, page


def a_verdict(ours: float, *, wanted: float = 10, flaw: str = "") -> Verdict:
    goal = faster("starting", wanted)
    return Verdict(goal=goal, way="we", ours=ours, peer="they", theirs=300, flaw=flaw)


def test_a_goal_to_be_faster_is_held_against_the_peers_time_over_ours() -> None:
    assert a_verdict(30).ratio == 10
    assert a_verdict(30).words == "reached"
    assert a_verdict(60).words == "missed by a factor of 2.00"


def test_a_goal_to_take_at_most_so_much_is_held_against_our_part_of_the_peers() -> None:
    goal = at_most("memory", 0.25)
    verdict = Verdict(goal=goal, way="we", ours=25, peer="they", theirs=50, unit="MB")
    assert verdict.ratio == 0.5
    assert verdict.words == "missed by a factor of 2.00"
    assert verdict.cells() == (
        "memory",
        "we: 25 MB",
        "they: 50 MB",
        "0.50 ×",
        "≤ 0.25 ×",
        "missed by a factor of 2.00",
    )


def test_what_was_lost_misses_a_goal_however_fast_it_was() -> None:
    verdict = a_verdict(1, flaw="3 not stored")
    assert not verdict.reached
    assert verdict.words == "missed: 3 not stored"


def test_each_of_our_ways_is_judged_and_none_without_the_peer() -> None:
    ways = {"kernelyard, SDK": [0.02, 0.04, 0.03], "kernel gateway": [0.3]}
    (verdict,) = judged(faster("starting", 10), ways, "kernel gateway")
    assert (verdict.way, verdict.ours, verdict.theirs) == ("kernelyard, SDK", 30, 300)
    assert judged(faster("starting", 10), ways, "straight") == []


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(value) for value in range(1, 201)]
    assert percentile(values, 0.99) == 198
    assert percentile(values[:3], 0.99) == 3


def test_ratios_are_to_the_way_that_is_named() -> None:
    lines = compared("starting", {"a": [0.1, 0.2, 0.3], "b": [0.4], "c": []}, "b")
    assert [(line.way, line.ratio) for line in lines] == [("a", 0.5), ("b", 1.0)]
    first = table(lines).splitlines()[2]
    assert "p50 200.00 ms" in first
    assert "[100.00–300.00]" in first
    assert "0.50 × b" in first


@pytest.mark.parametrize("quiet", [True, False])
def test_the_page_tells_goals_and_whether_the_machine_was_quiet(quiet: bool) -> None:
    slowest = 0.011 if quiet else 0.03
    calibrations = [Calibration("after start", 0.01, 0.009, slowest, 0.5)]
    found = Found(verdicts=[a_verdict(60), a_verdict(3)], notes=["no pools", "no pools"])
    text = page(["2 processors"], found, calibrations, command="bench", minutes=3)
    assert "1 of 2 reached" in goals(found)
    assert "missed by a factor of 2.00" in text
    assert text.count("no pools") == 1
    assert ("others were at work on the machine after start" in text) is not quiet
