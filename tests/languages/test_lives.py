"""What kernels of each language do from start to end: the same for all, where it is the same.

What differs is in the tables here, and on the page about kernels. Each is met and treated as our table
of quirks says, for none of their kernelspecs does.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from kernelyard.model.records import Record, RecordKind
from kernelyard.wire import link

from tests.languages.languages import BASH, Language
from tests.support.agent_process import (
    AgentProcess,
    end_of,
    ended,
    last_body,
    stdout_of,
)

pytestmark = pytest.mark.journey

MET_BY = {
    "ipykernel": "ipc",
    "xeus-python": "handshake_a",
    "bash": "ipc",
    "irkernel": "ipc",
    "deno": "classic",
}
BY_ITSELF, BY_SIGTERM = (0, None), (None, "SIGTERM")
ENDS_WHEN_ASKED = {
    # Now and then a thread of ipykernel waits for ever for another that has ended.
    "ipykernel": (BY_ITSELF, BY_SIGTERM),
    "bash": (BY_ITSELF, BY_SIGTERM),
    "xeus-python": (BY_ITSELF,),
    "irkernel": (BY_ITSELF,),
    "deno": (BY_ITSELF,),
}
ENDS_OF_ITS_OWN = {
    "ipykernel": (3, None),
    "xeus-python": (3, None),
    # The shell is a child of the kernel's process; what is ended here is that process.
    "bash": (None, "SIGTERM"),
    "irkernel": (3, None),
    "deno": (3, None),
}


async def run(
    agent: AgentProcess, kernel: str, language: Language, *what: str, first: int = 1
) -> None:
    """Queue code that does some things."""
    await agent.submit(kernel, *(language.says[one] for one in what), first=first)


def ready(attempt: int) -> Callable[[Record], bool]:
    """Whether a record says that a start has become ready."""

    def fits(record: Record) -> bool:
        return (
            record.kind is RecordKind.KERNEL_READY and json.loads(record.body)["attempt"] == attempt
        )

    return fits


async def test_it_runs_code_in_order_tells_errors_restarts_and_ends_when_asked(
    agent: AgentProcess, language: Language
) -> None:
    kernel = await agent.launch(language.name)
    await run(agent, kernel, language, "prints", "keeps", "raises", "shows")
    records = await agent.records(kernel, until=ended(4))
    assert stdout_of(records, 1) == "42\n"
    states = [end_of(records, seq)["state"] for seq in (1, 2, 3, 4)]
    assert states == ["succeeded", "succeeded", "failed", "succeeded"]
    error = end_of(records, 3)["error"]
    assert error["name"] == language.error
    assert "boom" in error["value"] or language is BASH
    assert stdout_of(records, 4) == "kept\n"
    log = (agent.data_dir / "agent.log").read_text()
    assert [line for line in log.splitlines() if f"way={MET_BY[language.name]}" in line]
    assert "kernel.not_met" not in log

    await agent.done(link.Restart(kernel, 2, "to begin anew"))
    await agent.records(kernel, until=ready(2))
    await run(agent, kernel, language, "shows", "prints", first=5)
    records = await agent.records(kernel, until=ended(6))
    assert stdout_of(records, 5) != "kept\n"
    assert stdout_of(records, 6) == "42\n"

    await agent.done(link.Stop(kernel, "enough"))
    end = last_body(await agent.records(kernel))
    assert end["cause"] == "asked"
    assert (end["exit_code"], end["signal"]) in ENDS_WHEN_ASKED[language.name]


async def test_its_death_is_told_with_its_signal_or_its_code(
    agent: AgentProcess, language: Language
) -> None:
    killed, over = await agent.launch(language.name), await agent.launch(language.name)
    await run(agent, killed, language, "dies")
    await run(agent, over, language, "exits")
    records = await agent.records(killed)
    assert end_of(records, 1)["state"] == "lost"
    end = last_body(records)
    assert (end["cause"], end["exit_code"], end["signal"]) == ("died", None, "SIGKILL")
    end = last_body(await agent.records(over))
    expected = ENDS_OF_ITS_OWN[language.name]
    assert (end["cause"], end["exit_code"], end["signal"]) == ("died", *expected)
