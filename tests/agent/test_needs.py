"""A task that needs another one starts if that one has succeeded, and otherwise never."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kernelyard.agent.endings import TaskEnd
from kernelyard.agent.needs import Needs
from kernelyard.agent.queue import Queue
from kernelyard.agent.recall import Recollection
from kernelyard.model.projection import body_of
from kernelyard.model.records import Record, RecordKind
from kernelyard.model.tasks import Assignment, TaskState
from kernelyard.wire import link

from tests.support.agent_process import (
    AgentProcess,
    end_of,
    ended,
    of_kind,
    says,
    stdout_of,
)

SLEEP = "import time\nprint('begun', flush=True)\ntime.sleep(600)"


def told(state: str) -> str:
    return f"the task it needs did not succeed ({state})"


def never_ran(records: list[Record], seq: int, state: str) -> bool:
    """Whether all that is told of a task is that it needed one which ended in ``state``."""
    kinds = [record.kind for record in records if record.seq == seq]
    end = end_of(records, seq)
    return (kinds, end["state"], end["reason"]) == ([RecordKind.ENDED], "cancelled", told(state))


@st.composite
def queues(draw: st.DrawFn) -> list[tuple[int | None, bool, bool]]:
    """For each task: what it needs, whether its code works, and whether it comes late."""
    count = draw(st.integers(1, 12))
    return [
        (
            draw(st.none() | st.integers(1, seq - 1)) if seq > 1 else None,
            draw(st.booleans()),
            draw(st.booleans()),
        )
        for seq in range(1, count + 1)
    ]


@example(plan=[(None, False, False), (1, True, False), (2, True, True)], crash=1)
@given(plan=queues(), crash=st.integers(0, 12))
def test_exactly_those_run_whose_needs_all_the_way_back_have_succeeded(
    tmp_path_factory: pytest.TempPathFactory, plan: list[tuple[int | None, bool, bool]], crash: int
) -> None:
    queue = Queue(tmp_path_factory.mktemp("queue") / "queue")
    needs = Needs(queue)
    tasks = [
        Assignment(task_id=f"task-{seq}", seq=seq, code="", needs=needed)
        for seq, (needed, _, _) in enumerate(plan, 1)
    ]
    first_late = next((n for n, (_, _, late) in enumerate(plan) if late), len(plan))
    queue.accept(tasks[:first_late])
    coming = tasks[first_late:]
    ran: list[int] = []
    ends: list[int] = []
    unsuccessful: dict[int, TaskState] = {}
    while coming or len(queue):
        if (task := queue.take()) is None:
            queue.accept(coming[:1])
            told_at_once = needs.come(coming[:1])
            coming = coming[1:]
        else:
            ran.append(task.seq)
            works = plan[task.seq - 1][1]
            state = TaskState.SUCCEEDED if works else TaskState.FAILED
            told_at_once = needs.end(task, TaskEnd(state=state))
            if not works:
                unsuccessful[task.seq] = state
        ends += [seq for seq, _, _ in told_at_once]
        vain = [seq for seq, _, _ in told_at_once if seq not in ran]
        unsuccessful.update(dict.fromkeys(vain, TaskState.CANCELLED))
        if len(ran) == crash:
            needs = Needs(queue)
            assert needs.recall(unsuccessful) == []
    queue.close()
    good: set[int] = set()
    may_run: list[int] = []
    for seq, (needed, works, _) in enumerate(plan, 1):
        if needed is None or needed in good:
            may_run.append(seq)
            if works:
                good.add(seq)
    assert ran == may_run
    assert sorted(ends) == list(range(1, len(plan) + 1))


def test_an_end_that_a_crash_has_left_alone_takes_along_the_others_after_it(
    tmp_path: Path,
) -> None:
    queue = Queue(tmp_path / "queue")
    queue.accept(
        [
            Assignment(task_id=f"task-{seq}", seq=seq, code="", needs=needed)
            for seq, needed in enumerate((None, 1, 2, None), 1)
        ]
    )
    queue.close()
    memory = Recollection()
    bad = TaskEnd(state=TaskState.FAILED).body("task-1")
    memory.take_in(Record(1, 1, 1, RecordKind.STARTED, b'{"task_id": "task-1"}'))
    memory.take_in(Record(2, 1, 1, RecordKind.ENDED, bad))
    again = Queue(tmp_path / "queue", settled=memory.settled)
    ends = Needs(again).recall(memory.unsuccessful)
    assert [(seq, json.loads(content)["reason"]) for seq, _, content in ends] == [
        (2, told("failed")),
        (3, told("cancelled")),
    ]
    assert [again.take(), again.take()] == [Assignment(task_id="task-4", seq=4, code=""), None]
    again.close()


async def test_a_cell_behind_a_failing_one_never_starts(
    agent: AgentProcess, tmp_path: Path
) -> None:
    traces = tmp_path / "traces"
    traces.mkdir()
    kernel = await agent.launch()
    codes, needs = [], {}
    for place in range(0, 300, 3):
        codes += ["1 / 0", f"open({str(traces / str(place))!r}, 'w')", "print('free')"]
        needs[place + 2] = place + 1
    await agent.submit(kernel, *codes, needs=needs)
    records = await agent.records(kernel, until=ended(300))
    for seq in needs:
        assert never_ran(records, seq, "failed")
        assert stdout_of(records, seq + 1) == "free\n"
    assert list(traces.iterdir()) == []


async def test_a_chain_runs_to_the_first_failure_and_no_further(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    codes = ["x = 1", "print(x)", "raise ValueError", "print('no')", "print('no')"]
    await agent.submit(kernel, *codes, needs={2: 1, 3: 2, 4: 3, 5: 4})
    records = await agent.records(kernel, until=ended(5))
    assert stdout_of(records, 2) == "1\n"
    assert end_of(records, 3)["state"] == "failed"
    assert never_ran(records, 4, "failed")
    assert never_ran(records, 5, "cancelled")


async def test_what_needs_an_ended_task_is_judged_when_it_comes(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, "1", "1 / 0")
    await agent.records(kernel, until=ended(2))
    await agent.submit(kernel, SLEEP, first=3)
    await agent.records(kernel, until=says("begun"))
    await agent.submit(kernel, "print('met')", "print('no')", first=4, needs={4: 1, 5: 2})
    records = await agent.records(kernel, until=ended(5))
    assert never_ran(records, 5, "failed")
    assert not list(filter(ended(3), records)), "it is told at once, not in its turn"
    await agent.ask(link.Interrupt(kernel))
    assert stdout_of(await agent.records(kernel, until=ended(4)), 4) == "met\n"


async def test_a_cancelled_task_takes_along_what_needs_it(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    tasks = await agent.submit(
        kernel, SLEEP, "print('no')", "print('no')", "print('yes')", needs={2: 1, 3: 2}
    )
    await agent.records(kernel, until=says("begun"))
    await agent.done(link.Cancel(kernel, tasks[1].task_id, 2, "not wanted"))
    records = await agent.records(kernel, until=ended(3))
    assert never_ran(records, 3, "cancelled")
    await agent.done(link.Cancel(kernel, tasks[0].task_id, 1, "nor this"))
    assert stdout_of(await agent.records(kernel, until=ended(4)), 4) == "yes\n"


async def test_a_restart_cancels_what_needs_the_task_it_cut_short(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, SLEEP, "print('no')", "print('anew')", needs={2: 1})
    await agent.records(kernel, until=says("begun"))
    await agent.done(link.Restart(kernel, 2, "asked"))
    records = await agent.records(kernel, until=ended(3))
    assert never_ran(records, 2, "cancelled")
    assert stdout_of(records, 3) == "anew\n"


async def test_a_kernel_that_dies_is_the_reason_for_all_that_waited(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, "import os; os._exit(3)", "1", "2", needs={2: 1, 3: 2})
    records = await agent.records(kernel)
    assert end_of(records, 1)["state"] == "lost"
    for seq in (2, 3):
        assert end_of(records, seq)["reason"].startswith("never ran: the kernel ended first")


@pytest.mark.parametrize("when", ["before", "while"])
async def test_needs_outlive_the_agent(agent: AgentProcess, when: str) -> None:
    kernel = await agent.launch()
    codes = ["1 / 0", "1", SLEEP, "print('met')", "print('no')", "print('last')"]
    await agent.submit(kernel, *codes, needs={4: 2, 5: 3})
    records = await agent.records(kernel, until=says("begun"))
    (launched,) = filter(of_kind(RecordKind.KERNEL_LAUNCHED), records)
    agent.kill()
    if when == "while":
        os.kill(body_of(launched)["pid"], signal.SIGINT)
    await agent.start()
    await agent.submit(kernel, "print('no')", first=7, needs={7: 1})
    records = await agent.records(kernel, until=ended(7))
    assert never_ran(records, 7, "failed")
    if when == "before":
        await agent.ask(link.Interrupt(kernel))
    records = await agent.records(kernel, until=ended(6))
    assert end_of(records, 3)["state"] in ("failed", "lost")
    assert stdout_of(records, 4) == "met\n"
    assert never_ran(records, 5, end_of(records, 3)["state"])
    assert stdout_of(records, 6) == "last\n"
