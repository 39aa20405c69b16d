"""A crash leaves its trace where it can be read: in the kernel's log, and in the reason of its death."""

from __future__ import annotations

import pytest

from kernelyard.wire import link

from tests.support.agent_process import AgentProcess, ended, last_body, stdout_of


@pytest.fixture(autouse=True)
def as_outside_of_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """ipykernel leaves its descriptors alone where it believes to be tested."""
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)


@pytest.mark.parametrize(
    ("code", "signal", "trace"),
    [
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV", "Segmentation fault"),
        ("import os; os.abort()", "SIGABRT", "Aborted"),
    ],
)
async def test_the_trace_of_a_crash_is_in_log_and_reason(
    agent: AgentProcess, code: str, signal: str, trace: str
) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, code)
    end = last_body(await agent.records(kernel))
    assert (end["cause"], end["signal"]) == ("died", signal)
    assert f"Fatal Python error: {trace}" in str(end["reason"])
    part = await agent.ask(link.Log(kernel))
    assert isinstance(part, link.LogPart)
    assert trace.encode() in part.data


async def test_the_names_of_the_code_are_its_own(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    code = "print([n for n in globals() if 'fault' in n or n in ('speak', 'begin_to_speak')])"
    await agent.submit(kernel, code)
    assert stdout_of(await agent.records(kernel, until=ended(1)), 1) == "[]\n"
