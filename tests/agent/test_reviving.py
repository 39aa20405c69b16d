"""A kernel that died is started again under the same id, where its template says so."""

from __future__ import annotations

import os
import signal

import pytest

from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.projection import body_of
from kernelyard.model.records import Record, RecordKind
from kernelyard.wire import link

from tests.support.agent_process import (
    AgentProcess,
    end_of,
    ended,
    has_no_holes,
    last_body,
    of_kind,
    says,
    stdout_of,
)

DIES = "import os, signal\nprint('last words', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)"


def restarts(records: list[Record]) -> list[dict[str, object]]:
    """What the journal says of further starts."""
    return [body_of(one) for one in records if one.kind is RecordKind.KERNEL_RESTARTING]


def launches(records: list[Record]) -> list[int]:
    """Pids in order."""
    return [body_of(one)["pid"] for one in records if one.kind is RecordKind.KERNEL_LAUNCHED]


async def test_without_a_policy_a_death_is_the_end(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, DIES, "1")
    records = await agent.records(kernel)
    assert last_body(records)["cause"] == "died"
    assert restarts(records) == []


async def test_the_queue_goes_on_behind_the_task_that_killed_its_kernel(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch(restart_policy="on-death")
    await agent.submit(kernel, "kept = 1", DIES, "print('kept' in globals())")
    records = await agent.records(kernel, until=ended(3))
    end = end_of(records, 2)
    assert (end["state"], end["cause"], end["state_preserved"]) == ("lost", "died", False)
    assert "SIGKILL" in end["reason"]
    assert stdout_of(records, 3) == "False\n"
    (mark,) = restarts(records)
    assert (mark["attempt"], mark["cause"], mark["signal"]) == (2, "died", "SIGKILL")
    assert "killed by SIGKILL" in str(mark["reason"])
    assert len(set(launches(records))) == 2
    assert has_no_holes(records)


async def test_or_it_is_cancelled_if_the_template_says_that(agent: AgentProcess) -> None:
    kernel = await agent.launch(restart_policy="on-death", queue_on_death="cancel")
    await agent.submit(kernel, DIES, "1", "2")
    records = await agent.records(kernel, until=of_kind(RecordKind.KERNEL_RESTARTING))
    assert [end_of(records, seq)["state"] for seq in (2, 3)] == ["cancelled", "cancelled"]
    assert end_of(records, 2)["stopped_by"] == "queue"
    await agent.submit(kernel, "print('again')", first=4)
    records = await agent.records(kernel, until=ended(4))
    assert stdout_of(records, 4) == "again\n"


async def test_a_kernel_that_died_while_no_agent_was_there_is_started_again_too(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch(restart_policy="on-death")
    await agent.submit(
        kernel, "import time\nprint('begun', flush=True)\ntime.sleep(600)", "print(2)"
    )
    records = await agent.records(kernel, until=says("begun"))
    agent.kill()
    os.kill(launches(records)[-1], signal.SIGKILL)
    await agent.start()
    records = await agent.records(kernel, until=ended(2))
    assert end_of(records, 1)["state"] == "lost"
    assert stdout_of(records, 2) == "2\n"
    assert len(restarts(records)) == 1


async def test_a_kernel_that_dies_again_and_again_without_running_anything_is_given_up(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch(restart_policy="on-death")
    after, starts = 0, 0
    while True:
        records = await agent.records(
            kernel,
            after=after,
            until=lambda r: r.kind in (RecordKind.KERNEL_READY, RecordKind.KERNEL_ENDED),
        )
        after = records[-1].number
        if records[-1].kind is RecordKind.KERNEL_ENDED:
            break
        starts += 1
        os.kill(launches(records)[-1], signal.SIGKILL)
    assert last_body(records)["cause"] == "died"
    assert starts == 6


async def test_a_death_at_the_start_is_not_repeated(agent: AgentProcess) -> None:
    order = {"restart_policy": "on-death", "environment": {"PYTHONHOME": "/nonexistent"}}
    kernel = await agent.launch(**order)
    records = await agent.records(kernel)
    assert last_body(records)["cause"] == "start_failed"
    assert restarts(records) == []


@pytest.mark.parametrize("policy", ["never", "on-death"])
async def test_one_that_was_told_to_stop_is_not_started_again(
    agent: AgentProcess, policy: str
) -> None:
    kernel = await agent.launch(restart_policy=policy)
    await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
    await agent.done(link.Stop(kernel, "enough"))
    records = await agent.records(kernel)
    assert last_body(records)["cause"] == "asked"


async def test_a_restart_on_request_and_one_after_a_death_do_not_count_double(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch(restart_policy="on-death")
    records = await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
    os.kill(launches(records)[-1], signal.SIGKILL)
    await agent.records(kernel, until=of_kind(RecordKind.KERNEL_RESTARTING))
    await agent.done(link.Restart(kernel, 2, "asked meanwhile"))
    await agent.done(
        link.Launch(
            LaunchOrder(kernel_id=kernel, attempt=2, provider="kernelspec", image="python3")
        )
    )
    await agent.submit(kernel, "print('one')")
    records = await agent.records(kernel, until=ended(1))
    assert len(restarts(records)) == 1
