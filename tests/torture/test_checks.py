"""The checks find a hole, a repeat, a wrong order, and a loss that nothing marks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.torture import checks
from tests.torture.checks import Excuses, Seen, Settled
from tests.torture.jobs import Job

LINES = [f"k {i}\n" for i in range(6)]
JOB = Job("k", "lines", "", stdout="".join(LINES), pictures=("A", "B"))
KILLED = (
    "the kernel was killed by signal 9 (SIGKILL) while this ran; what it said until then is kept"
)
UNHEARD = "its end fell into a time when nobody listened; what it said while heard is kept"
NOBODY = Excuses()


def line(number: int, text: str, task: int = 1) -> Seen:
    return Seen(number, task, "stream", {"name": "stdout", "text": text})


def picture(number: int, data: str) -> Seen:
    return Seen(number, 1, "display_data", {"data": {"image/png": data}})


def started(number: int, task: int = 1) -> Seen:
    return Seen(number, task, "started", {})


def ended(number: int, task: int = 1, state: str = "succeeded") -> Seen:
    return Seen(number, task, "ended", {"state": state})


def gap(number: int) -> Seen:
    return Seen(number, 1, "gap", {"from": 1, "to": 2})


def whole() -> list[Seen]:
    said = [line(i, text) for i, text in enumerate(LINES, 2)]
    return [started(1), *said, picture(8, "A"), picture(9, "B"), ended(10)]


def without(*numbers: int) -> list[Seen]:
    return [one for one in whole() if one.number not in numbers]


def settled(state: str = "succeeded", reason: str | None = None) -> Settled:
    return Settled("id", 1, state, reason)


def test_a_whole_run_is_right() -> None:
    records = whole()
    assert checks.numbers(records) == []
    assert checks.turns(records) == []
    assert checks.said(JOB, "succeeded", records) == []
    assert checks.settling(JOB, settled(), records, NOBODY) == []
    assert checks.marks(records, NOBODY) == []
    assert checks.copies("a copy", records, whole()) == []


def test_a_hole_in_the_numbers_is_found() -> None:
    assert checks.numbers(without(4)) == ["record 5 comes after record 3"]
    assert checks.numbers(without(1))


def test_a_repeated_number_is_found() -> None:
    assert checks.numbers([*whole()[:3], *whole()[2:]]) == ["record 3 comes after record 3"]


@pytest.mark.parametrize("number", [2, 4, 7])
def test_a_missing_line_is_found_wherever_it_is(number: int) -> None:
    assert checks.said(JOB, "succeeded", without(number))


def test_a_repeated_line_is_found() -> None:
    records = whole()
    assert checks.said(JOB, "succeeded", [*records[:3], records[2], *records[3:]])


def test_lines_out_of_order_are_found() -> None:
    records = whole()
    records[2], records[3] = records[3], records[2]
    assert checks.said(JOB, "succeeded", records)


def test_a_missing_and_a_wrong_picture_are_found() -> None:
    assert checks.said(JOB, "succeeded", without(8))
    assert checks.said(JOB, "succeeded", without(9))
    assert checks.said(JOB, "succeeded", [*without(8, 9), picture(8, "B"), picture(9, "A")])


def test_one_stretch_may_be_missing_at_a_gap() -> None:
    records = [*whole()[:3], gap(4), *whole()[5:]]
    assert checks.said(JOB, "succeeded", records) == []


def test_a_gap_explains_no_second_stretch() -> None:
    records = [*whole()[:2], gap(3), *whole()[3:5], *whole()[6:]]
    assert checks.said(JOB, "succeeded", records)


def test_a_gap_explains_no_repeat_and_no_missing_end() -> None:
    assert checks.said(JOB, "succeeded", [*whole()[:4], gap(5), *whole()[3:]])
    records = [*whole()[:2], gap(3), *whole()[4:6], *whole()[7:]]
    assert checks.said(JOB, "succeeded", records)


def test_the_end_may_be_missing_when_the_task_was_lost_or_its_output_cut() -> None:
    assert checks.said(JOB, "lost", whole()[:4]) == []
    cut = Seen(7, 1, "cut", {"bytes": 1, "messages": 1})
    assert checks.said(JOB, "succeeded", [*whole()[:4], cut, ended(8)]) == []
    assert checks.said(JOB, "lost", without(3))


def test_a_gap_without_a_time_when_nobody_listened_is_found() -> None:
    records = [*whole(), gap(11)]
    assert checks.marks(records, NOBODY)
    assert checks.marks(records, Excuses(unheard=1)) == []


def test_a_gap_that_ends_before_it_begins_is_found() -> None:
    wrong = replace(gap(1), content={"from": 5, "to": 4})
    assert checks.marks([wrong], Excuses(unheard=1))


def test_a_cut_without_a_full_disk_is_found() -> None:
    cut = Seen(7, 1, "cut", {"bytes": 1, "messages": 1})
    assert checks.marks([cut], NOBODY)
    assert checks.marks([cut], Excuses(full=True)) == []


def test_a_lost_task_needs_an_excuse_that_fits() -> None:
    records = [started(1), gap(2), ended(3, state="lost")]
    lost = settled("lost", UNHEARD)
    assert checks.settling(JOB, lost, records, Excuses(unheard=1)) == []
    assert checks.settling(JOB, lost, records, NOBODY)
    assert checks.settling(JOB, lost, [records[0], records[2]], Excuses(unheard=1))


def test_a_killed_kernel_is_told_with_its_signal() -> None:
    records = [started(1), ended(2, state="lost")]
    killed = Excuses(killed=True)
    assert checks.settling(JOB, settled("lost", KILLED), records, killed) == []
    assert checks.settling(JOB, settled("lost", KILLED), records, NOBODY)
    assert checks.settling(JOB, settled("lost", "it ended"), records, killed)
    assert checks.settling(JOB, settled("lost"), records, killed)


def test_a_task_is_cancelled_only_with_its_kernel() -> None:
    records = [ended(1, state="cancelled")]
    cancelled = settled("cancelled", "never ran: the kernel ended first")
    killed = Excuses(killed=True)
    assert checks.settling(JOB, cancelled, records, killed) == []
    assert checks.settling(JOB, cancelled, records, NOBODY)
    assert checks.settling(JOB, cancelled, records, replace(killed, restarts=True))


def test_a_task_is_cancelled_when_a_client_asked_for_it() -> None:
    asked = replace(settled("cancelled", "cancelled on request"), cancel=True)
    assert checks.settling(JOB, asked, [started(1), ended(2, state="cancelled")], NOBODY) == []
    assert checks.settling(JOB, asked, [ended(1, state="cancelled")], NOBODY) == []
    assert checks.settling(JOB, asked, [], NOBODY)
    assert checks.settling(JOB, replace(asked, reason=None), [ended(1, state="cancelled")], NOBODY)


def test_a_task_that_no_agent_had_needs_no_end_only_if_its_kernel_was_killed() -> None:
    cancelled = settled("cancelled", "never ran: the kernel ended first")
    assert checks.settling(JOB, cancelled, [], Excuses(killed=True)) == []
    assert checks.settling(JOB, cancelled, [], NOBODY)


def test_a_death_that_is_not_told_and_a_task_lost_too_many_are_found() -> None:
    restarting = Seen(1, 0, "kernel_restarting", {"attempt": 2})
    lost = [settled("lost", KILLED), settled()]
    assert checks.deaths([restarting], lost, 1, 0) == []
    assert checks.deaths([], lost, 1, 0)
    assert checks.deaths([restarting, restarting], lost, 1, 0)
    assert checks.deaths([], lost, 0, 0)


def test_a_wrong_end_is_found() -> None:
    assert checks.settling(JOB, settled("failed"), whole(), NOBODY)
    assert checks.settling(JOB, settled("running"), whole(), NOBODY)
    assert checks.settling(JOB, settled(), [*whole(), ended(11)], NOBODY)
    assert checks.settling(JOB, settled(), whole()[:-1], NOBODY)
    raising = replace(JOB, state="failed")
    found = Settled("id", 1, "failed", None, "OSError: no space")
    assert checks.settling(raising, found, [started(1), ended(2, state="failed")], NOBODY)


def test_tasks_out_of_turn_are_found() -> None:
    assert checks.turns([started(1, 2), ended(2, 2), started(3, 1), ended(4, 1)])
    assert checks.turns([started(1, 1), started(2, 2)])
    assert checks.turns([started(1), ended(2), line(3, "late")])
    assert checks.turns([line(1, "early")])


def test_a_copy_that_differs_is_found() -> None:
    assert checks.copies("a copy", whole(), without(10))
    assert checks.copies("a copy", whole(), [*whole()[:-1], ended(10, state="lost")])


def test_a_job_that_ran_twice_or_never_is_found() -> None:
    assert checks.once({"a": 1, "b": 1}, ["a"], "file") == []
    assert checks.once({"a": 2}, ["a"], "file")
    assert checks.once({}, ["a"], "file")
