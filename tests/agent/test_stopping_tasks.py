"""Stopping a task: an interrupt, a second one, a restart if that is allowed; and limits of its own."""

from __future__ import annotations

from uuid import uuid4

import pytest

from kernelyard.model.projection import body_of
from kernelyard.model.records import Record, RecordKind
from kernelyard.model.tasks import Assignment, Cancellation, TaskLimits
from kernelyard.wire import link

from tests.support.agent_process import (
    AgentProcess,
    end_of,
    ended,
    has_no_holes,
    says,
    stdout_of,
)

PATIENT = "import time\nprint('begun', flush=True)\ntime.sleep(600)"
DEAF_ONCE = """
import signal, time
def once(*_):
    signal.signal(signal.SIGINT, signal.default_int_handler)
    print('not yet', flush=True)
signal.signal(signal.SIGINT, once)
print('begun', flush=True)
time.sleep(600)
"""
DEAF = """
import signal, time
signal.signal(signal.SIGINT, lambda *_: print('no', flush=True))
print('begun', flush=True)
time.sleep(600)
"""
SOON = Cancellation(grace_seconds=0.3)
AT_ANY_PRICE = Cancellation(allow_restart=True, grace_seconds=0.3)
IN_NO_HURRY = Cancellation(allow_restart=True, grace_seconds=30)


async def cancelled(
    agent: AgentProcess, code: str, how: Cancellation, behind: str = "print('behind')"
) -> list[Record]:
    """Cancel a task that has begun, and return everything until the task behind it has ended."""
    kernel = await agent.launch()
    await agent.submit(kernel, "kept = 7")
    one, _ = await agent.submit(kernel, code, behind, first=2)
    await agent.records(kernel, until=says("begun"))
    await agent.done(link.Cancel(kernel, one.task_id, one.seq, "no longer wanted", how))
    return await agent.records(kernel, until=ended(3))


async def test_one_interrupt_is_enough_for_most_and_variables_stay(agent: AgentProcess) -> None:
    records = await cancelled(agent, PATIENT, IN_NO_HURRY, behind="print(kept)")
    end = end_of(records, 2)
    assert (end["state"], end["cause"], end["stopped_by"]) == ("cancelled", "asked", "interrupt")
    assert end["state_preserved"] is True
    assert end["reason"] == "no longer wanted"
    assert stdout_of(records, 3) == "7\n"


async def test_a_second_interrupt_follows_after_the_grace_time(agent: AgentProcess) -> None:
    end = end_of(await cancelled(agent, DEAF_ONCE, SOON), 2)
    assert (end["state"], end["stopped_by"]) == ("cancelled", "second_interrupt")
    assert end["state_preserved"] is True


async def test_a_restart_comes_last_and_the_queue_goes_on(agent: AgentProcess) -> None:
    records = await cancelled(agent, DEAF, AT_ANY_PRICE, behind="print('kept' in globals())")
    end = end_of(records, 2)
    assert (end["state"], end["stopped_by"]) == ("cancelled", "restart")
    assert end["state_preserved"] is False
    assert stdout_of(records, 2) == "begun\nno\nno\n"
    assert stdout_of(records, 3) == "False\n"
    (restarting,) = [body_of(r) for r in records if r.kind is RecordKind.KERNEL_RESTARTING]
    assert "did not stop" in restarting["reason"]
    assert has_no_holes(records)


async def test_without_leave_there_is_no_restart_until_somebody_gives_it(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch()
    one, _ = await agent.submit(kernel, DEAF, "1")
    await agent.records(kernel, until=says("begun"))
    await agent.done(link.Cancel(kernel, one.task_id, one.seq, "enough", SOON))
    records = await agent.records(kernel, until=says("no"))
    await agent.records(kernel, after=records[-1].number, until=says("no"))
    await agent.done(link.Cancel(kernel, one.task_id, one.seq, "enough", AT_ANY_PRICE))
    records = await agent.records(kernel, until=ended(2))
    assert end_of(records, 1)["stopped_by"] == "restart"
    assert end_of(records, 2)["state"] == "succeeded"


async def with_limits(agent: AgentProcess, code: str, **limits: object) -> list[Record]:
    """Run code with limits of its own and a task behind it; return the records of both."""
    kernel = await agent.launch()
    tasks = [
        Assignment(task_id=str(uuid4()), seq=1, code=code, limits=TaskLimits(**limits)),
        Assignment(task_id=str(uuid4()), seq=2, code="print('behind')"),
    ]
    await agent.done(link.Submit(kernel, tasks))
    return await agent.records(kernel, until=ended(2))


async def test_a_task_over_its_time_has_failed_and_says_why(agent: AgentProcess) -> None:
    records = await with_limits(agent, PATIENT, time_seconds=0.7)
    end = end_of(records, 1)
    assert (end["state"], end["cause"], end["stopped_by"]) == ("failed", "time_limit", "interrupt")
    assert "0.7s" in end["reason"]
    assert end["error"]["name"] == "KeyboardInterrupt"
    assert stdout_of(records, 1) == "begun\n"
    assert stdout_of(records, 2) == "behind\n"


async def test_a_task_that_cannot_be_stopped_at_its_limit_costs_the_kernel_a_restart(
    agent: AgentProcess,
) -> None:
    records = await with_limits(agent, DEAF, time_seconds=0.5)
    end = end_of(records, 1)
    assert (end["state"], end["cause"], end["stopped_by"]) == ("failed", "time_limit", "restart")
    assert end["state_preserved"] is False
    assert stdout_of(records, 2) == "behind\n"


@pytest.mark.parametrize("limits", [{"time_seconds": 60}, {"silence_seconds": 60}, {}])
async def test_limits_that_are_not_reached_change_nothing(
    agent: AgentProcess, limits: dict[str, float]
) -> None:
    end = end_of(await with_limits(agent, "print('short')", **limits), 1)
    assert (end["state"], end["cause"], end["stopped_by"]) == ("succeeded", None, None)


@pytest.mark.parametrize("cancelled_first", [True, False])
async def test_a_cancellation_that_allows_less_does_not_lift_a_limit(
    agent: AgentProcess, cancelled_first: bool
) -> None:
    kernel = await agent.launch()
    limits = TaskLimits(time_seconds=3.0 if cancelled_first else 0.3)
    task = Assignment(task_id=str(uuid4()), seq=1, code=DEAF, limits=limits)
    await agent.done(link.Submit(kernel, [task]))
    await agent.records(kernel, until=says("begun" if cancelled_first else "no"))
    await agent.done(link.Cancel(kernel, task.task_id, 1, "softly", SOON))
    records = await agent.records(kernel, until=ended(1))
    end = end_of(records, 1)
    assert end["stopped_by"] == "restart"
    assert end["cause"] == ("asked" if cancelled_first else "time_limit")


async def test_silence_is_counted_from_the_last_output(agent: AgentProcess) -> None:
    code = """
import time
for i in range(6):
    print(i, flush=True)
    time.sleep(0.4)
time.sleep(600)
"""
    records = await with_limits(agent, code, silence_seconds=1.2)
    end = end_of(records, 1)
    assert (end["state"], end["cause"]) == ("failed", "silence_limit")
    assert "said nothing" in end["reason"]
    assert stdout_of(records, 1) == "".join(f"{i}\n" for i in range(6))


async def test_the_time_of_a_task_goes_on_while_no_agent_is_there(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    limits = TaskLimits(time_seconds=4.0)
    task = Assignment(task_id=str(uuid4()), seq=1, code=PATIENT, limits=limits)
    await agent.done(link.Submit(kernel, [task]))
    begun = await agent.records(kernel, until=says("begun"))
    agent.kill()
    await agent.start()
    records = await agent.records(kernel, until=ended(1))
    assert end_of(records, 1)["cause"] == "time_limit"
    assert records[-1].at - begun[-1].at < 30_000_000
