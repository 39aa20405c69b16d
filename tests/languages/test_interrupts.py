"""An interrupt does what it can in each language, says what that was, and loses no kernel."""

from __future__ import annotations

import pytest

from kernelyard.agent.belongings import ProcessTable
from kernelyard.model.exits import InterruptOutcome
from kernelyard.model.tasks import Cancellation
from kernelyard.wire import link

from tests.languages.conftest import require
from tests.languages.languages import (
    BASH,
    DENO,
    FORKED_IPYKERNEL,
    IPYKERNEL,
    IRKERNEL,
    XEUS_PYTHON,
    Language,
)
from tests.support.agent_process import AgentProcess, end_of, ended, says, stdout_of, wait_until

pytestmark = pytest.mark.journey

RAISED = {"ipykernel": "KeyboardInterrupt", "deno": "Error", "bash": None, "irkernel": None}
"""The name of the error that the code is ended by; None where the kernel tells none."""
BASH_AT_WORK = 3
"""Processes: the kernel, its shell, and what that runs."""
STOPS = (
    InterruptOutcome.EFFECTIVE,
    # On a machine that is slow for a moment.
    InterruptOutcome.ACKNOWLEDGED,
    InterruptOutcome.DELIVERED,
)


async def wait_until_it_runs_on(agent: AgentProcess, kernel: str, language: Language) -> None:
    """Wait until the code is where it stays; a shell that is just starting a program loses signals."""
    await agent.records(kernel, until=says("begun"))
    if language is BASH:
        table = ProcessTable()
        await wait_until(lambda: len(table.processes_of(kernel, fresh=True)) == BASH_AT_WORK)


@pytest.mark.parametrize(
    "language",
    [IPYKERNEL, FORKED_IPYKERNEL, BASH, IRKERNEL, DENO],
    ids=lambda language: language.title,
)
async def test_an_interrupt_stops_the_code_and_nothing_else(
    agent: AgentProcess, language: Language
) -> None:
    require(language)
    kernel = await agent.launch(language.name)
    await agent.submit(kernel, language.says["keeps"], language.says["runs on"])
    await wait_until_it_runs_on(agent, kernel, language)
    answer = await agent.ask(link.Interrupt(kernel, "ann"))
    assert isinstance(answer, link.Interrupted)
    assert answer.outcome in STOPS
    await agent.submit(kernel, language.says["shows"], first=3)
    records = await agent.records(kernel, until=ended(3))
    end = end_of(records, 2)
    assert end["state"] == "failed"
    assert (end["error"] or {}).get("name") == RAISED[language.name]
    assert stdout_of(records, 3) == "kept\n"


async def test_xeus_python_is_not_interrupted_for_that_would_end_it(agent: AgentProcess) -> None:
    require(XEUS_PYTHON)
    says_ = XEUS_PYTHON.says
    kernel = await agent.launch(XEUS_PYTHON.name)
    tasks = await agent.submit(kernel, says_["runs on"])
    await agent.records(kernel, until=says("begun"))
    answer = await agent.ask(link.Interrupt(kernel, "ann"))
    assert answer == link.Interrupted(InterruptOutcome.WOULD_KILL)
    restart = Cancellation(allow_restart=True, grace_seconds=0.1)
    await agent.done(link.Cancel(kernel, tasks[0].task_id, 1, "enough", restart))
    await agent.submit(kernel, says_["prints"], first=2)
    records = await agent.records(kernel, until=ended(2))
    end = end_of(records, 1)
    assert (end["state"], end["stopped_by"]) == ("cancelled", "restart")
    assert stdout_of(records, 2) == "42\n"


@pytest.mark.parametrize("waiting", [BASH, IRKERNEL], ids=lambda language: language.name)
async def test_code_that_waits_for_input_for_ever_can_be_interrupted(
    agent: AgentProcess, waiting: Language
) -> None:
    require(waiting)
    kernel = await agent.launch(waiting.name)
    await agent.submit(kernel, waiting.says["asks"], waiting.says["prints"])
    await wait_until_it_runs_on(agent, kernel, waiting)
    await agent.ask(link.Interrupt(kernel, "ann"))
    records = await agent.records(kernel, until=ended(2))
    assert end_of(records, 1)["state"] == "failed"
    assert stdout_of(records, 2) == "42\n"


@pytest.mark.parametrize(
    ("asking", "state", "error"),
    [
        (IPYKERNEL, "failed", "StdinNotImplementedError"),
        (FORKED_IPYKERNEL, "failed", "StdinNotImplementedError"),
        (XEUS_PYTHON, "failed", "<class 'RuntimeError'>"),
        (DENO, "succeeded", None),
    ],
    ids=lambda value: value.title if isinstance(value, Language) else None,
)
async def test_code_that_asks_for_input_where_nobody_answers_is_not_left_waiting(
    agent: AgentProcess, asking: Language, state: str, error: str | None
) -> None:
    require(asking)
    kernel = await agent.launch(asking.name)
    await agent.submit(kernel, asking.says["asks"])
    end = end_of(await agent.records(kernel, until=ended(1)), 1)
    assert end["state"] == state
    assert (end["error"] or {}).get("name") == error


@pytest.mark.parametrize(
    "writing",
    [IPYKERNEL, FORKED_IPYKERNEL, BASH, XEUS_PYTHON, IRKERNEL],
    ids=lambda value: value.title,
)
async def test_what_is_written_to_its_descriptor_is_in_the_log_and_once_an_output(
    agent: AgentProcess, writing: Language
) -> None:
    require(writing)
    kernel = await agent.launch(writing.name)
    await agent.submit(kernel, writing.says["writes to its descriptor"])
    await agent.records(kernel, until=says("by descriptor"))
    await agent.records(kernel, until=ended(1))
    await agent.done(link.Stop(kernel, "enough"))
    records = await agent.records(kernel)
    assert sum(says("by descriptor")(one) for one in records) == 1
    assert "by descriptor\n" in (agent.folder(kernel) / "kernel.log").read_text()
