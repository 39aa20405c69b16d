"""The checks: from what was expected and what is there to a list of sentences about what is wrong.

Pure, so that it can be shown that they fail when they should.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.torture.jobs import Job

FINAL = frozenset({"succeeded", "failed", "cancelled", "lost"})
INTERRUPTED = "\nKeyboardInterrupt\n\n"
"""What IPython prints when an interrupt hits it between the code and its own work."""
UNHEARD = "nobody listened"
TASK_MARKS = frozenset({"started", "ended", "gap", "cut"})


@dataclass(frozen=True, slots=True)
class Seen:
    """One record of a kernel, as somebody read it."""

    number: int
    task: int
    kind: str
    content: dict[str, Any]

    def __str__(self) -> str:
        text = json.dumps(self.content, ensure_ascii=False)
        shown = text if len(text) <= 160 else f"{text[:120]}… ({len(text)} characters)"
        return f"{self.number:>6} task {self.task:<3} {self.kind} {shown}"


@dataclass(frozen=True, slots=True)
class Settled:
    """What the server says about a task."""

    id: str
    number: int
    state: str
    reason: str | None = None
    error: str | None = None
    cancel: bool = False
    """Whether a client asked to cancel it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Excuses:
    """What was done to a kernel that may explain what is missing."""

    unheard: int = 0
    """How often its agent was away or stopped."""
    killed: bool = False
    """Whether its process was killed."""
    signal_known: bool = True
    """Whether somebody was there to see how the process ended."""
    full: bool = False
    """Whether the disk was full, so that output may have been cut."""
    restarts: bool = False
    """Whether it is started again after a death, and its queue goes on."""


def numbers(records: Sequence[Seen]) -> list[str]:
    """Record numbers are 1, 2, 3 … without holes."""
    wrong = []
    for before, record in zip([0, *(one.number for one in records)], records, strict=False):
        if record.number != before + 1:
            wrong.append(f"record {record.number} comes after record {before}")
    return wrong[:3]


def copies(name: str, truth: Sequence[Seen], copy: Sequence[Seen]) -> list[str]:
    """A copy has the same records as the journal, in the same order."""
    for one, other in zip(truth, copy, strict=False):
        if one != other:
            return [f"{name} differs from the journal:\n  journal {one}\n  {name} {other}"]
    if len(truth) != len(copy):
        return [f"the journal has {len(truth)} records and {name} {len(copy)}"]
    return []


def turns(records: Iterable[Seen]) -> list[str]:
    """Tasks run one after the other, in the order of their numbers; ``ended`` is a task's last."""
    wrong = []
    running = last = 0
    ended: set[int] = set()
    for record in records:
        task = record.task
        if not task:
            continue
        if task in ended:
            wrong.append(f"record {record.number} ({record.kind}) of task {task} is behind its end")
        if record.kind == "started":
            if running or task <= last:
                wrong.append(
                    f"task {task} starts (record {record.number}) behind {running or last}"
                )
            running = last = task
        elif record.kind == "ended":
            ended.add(task)
            running = 0 if task == running else running
        elif task != running:
            wrong.append(f"record {record.number} belongs to task {task} while {running} runs")
    return wrong


def settling(job: Job, task: Settled, records: Sequence[Seen], excuses: Excuses) -> list[str]:
    """A task is settled in one state, for a reason that fits what was done to its kernel."""
    wrong = []
    ends = [one for one in records if one.kind == "ended"]
    if task.state not in FINAL:
        return [f"it is still {task.state}"]
    # A task that no agent ever had is settled with its kernel, by the server and without a record.
    never_there = task.state == "cancelled" and excuses.killed and not records
    if len(ends) != 1 and not never_there:
        wrong.append(f"it has {len(ends)} ends")
    elif ends and ends[0].content.get("state") != task.state:
        wrong.append(f"it is {task.state}, and its end says {ends[0].content.get('state')}")
    starts = sum(one.kind == "started" for one in records)
    if task.cancel and task.state == "cancelled":
        return wrong if task.reason and starts <= 1 else [*wrong, f"{starts} starts; {task.reason}"]
    if starts != (task.state != "cancelled"):
        wrong.append(f"it is {task.state} and was started {starts} times")
    if task.state in ("succeeded", "failed"):
        if task.state != job.state:
            wrong.append(
                f"it is {task.state} ({task.error}; {task.reason}) and must be {job.state}"
            )
        elif job.state == "failed" and task.error != f"ValueError: {job.key}":
            wrong.append(f"it failed by {task.error}")
        return wrong
    return wrong + _without_end(task, records, excuses)


def _without_end(task: Settled, records: Sequence[Seen], excuses: Excuses) -> list[str]:
    reason = task.reason or ""
    if not reason:
        return [f"it is {task.state} without a reason"]
    if task.state == "cancelled":
        return [] if excuses.killed and not excuses.restarts else [f"it is cancelled: {reason}"]
    if UNHEARD in reason:
        if not excuses.unheard:
            return [f"it is lost though somebody listened all the time: {reason}"]
        return [] if _count(records, "gap") else ["its end fell into a gap, and none is marked"]
    if not excuses.killed:
        return [f"it is lost, and nobody killed its kernel: {reason}"]
    if excuses.signal_known and "SIGKILL" not in reason:
        return [f"the reason does not name the signal: {reason}"]
    return []


def marks(records: Sequence[Seen], excuses: Excuses) -> list[str]:
    """There are no more gaps than times when nobody listened, and cuts only when the disk was full."""
    wrong = []
    gaps = _count(records, "gap")
    if gaps > excuses.unheard:
        wrong.append(f"there are {gaps} gaps, and {excuses.unheard} times when nobody listened")
    for one in records:
        if one.kind == "gap" and not one.content.get("from", 0) <= one.content.get("to", -1):
            wrong.append(f"gap {one.number} ends before it begins: {one.content}")
    if not excuses.full and _count(records, "cut"):
        wrong.append("output was cut, and the disk was never full")
    return wrong


def said(job: Job, state: str, records: Sequence[Seen]) -> list[str]:
    """Everything it said is there once and in order; only a gap may lack one stretch, a cut the end."""
    open_end = state in ("lost", "cancelled") or bool(_count(records, "cut"))
    wrong = []
    for name, expected in (("stdout", job.stdout), ("stderr", job.stderr)):
        parts = [
            "".join(
                str(one.content.get("text", ""))
                for one in part
                if one.kind == "stream" and one.content.get("name") == name
            )
            for part in _parts(records)
        ]
        if state == "cancelled":
            parts = [part.replace(INTERRUPTED, "") for part in parts]
        problem = misfit(expected, parts, open_end=open_end)
        if problem:
            wrong.append(f"{name}: {problem}")
    shown = [
        [_picture(one) for one in part if one.kind == "display_data"] for part in _parts(records)
    ]
    problem = misfit(list(job.pictures), shown, open_end=open_end)
    if problem:
        wrong.append(f"pictures: {problem}")
    return wrong


def misfit(
    expected: str | list[str], parts: Sequence[str | list[str]], *, open_end: bool
) -> str | None:
    """Say how ``parts`` fail to be ``expected`` with one stretch missing between each two of them."""
    first, *rest = parts
    if expected[: len(first)] != first:
        return _difference(expected, first, 0)
    at = len(first)
    for part in rest:
        found = _find(expected, part, at)
        if found < 0:
            return "what stands behind a gap was not to come there: " + _difference(
                expected, part, at
            )
        at = found + len(part)
    if open_end or at == len(expected) or (rest and not rest[-1]):
        return None
    if rest and expected[len(expected) - len(rest[-1]) :] == rest[-1]:
        return None
    return (
        f"the end is missing, {len(expected) - at} of {len(expected)}: {expected[at : at + 60]!r}"
    )


def deaths(
    records: Sequence[Seen], tasks: Iterable[Settled], killed: int, unheard: int
) -> list[str]:
    """A kernel that is started again says so each time; each death and each gap costs one task."""
    wrong = []
    if (restarted := _count(records, "kernel_restarting")) != killed:
        wrong.append(f"it was killed {killed} times and says {restarted} times that it restarts")
    lost = sum(task.state == "lost" for task in tasks)
    if lost > killed + unheard:
        wrong.append(f"{lost} tasks are lost by {killed} deaths and {unheard} gaps")
    return wrong


def once(counts: dict[str, int], must: Iterable[str], where: str) -> list[str]:
    """No job ran twice, and those that ended by themselves ran."""
    wrong = [f"{where}: job {key} ran {count} times" for key, count in counts.items() if count > 1]
    wrong += [f"{where}: job {key} never ran" for key in must if not counts.get(key)]
    return wrong


def _parts(records: Sequence[Seen]) -> list[list[Seen]]:
    parts: list[list[Seen]] = [[]]
    for one in records:
        if one.kind == "gap":
            parts.append([])
        else:
            parts[-1].append(one)
    return parts


def _find(whole: str | list[str], part: str | list[str], begin: int) -> int:
    if isinstance(whole, str) and isinstance(part, str):
        return whole.find(part, begin)
    places = range(begin, len(whole) - len(part) + 1)
    return next((at for at in places if whole[at : at + len(part)] == part), -1)


def _difference(expected: str | list[str], found: str | list[str], begin: int) -> str:
    pairs = zip(expected[begin:], found, strict=False)
    same = next((i for i, (one, other) in enumerate(pairs) if one != other), None)
    if same is None:
        same = min(len(expected) - begin, len(found))
    at, shown = begin + same, slice(max(0, same - 30), same + 60)
    wanted = expected[max(0, at - 30) : at + 60]
    return f"at {at} of {len(expected)} stands {found[shown]!r} where {wanted!r} was to come"


def _picture(record: Seen) -> str:
    return str(record.content.get("data", {}).get("image/png", "")).strip()


def _count(records: Iterable[Seen], kind: str) -> int:
    return sum(one.kind == kind for one in records)
