"""Kernels that cannot start say why, and those that need something special get it."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernelyard.model.records import RecordKind
from kernelyard.wire import link

from tests.support.agent_process import (
    AgentProcess,
    end_of,
    ended,
    last_body,
    says,
    stdout_of,
)

IPYKERNEL = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
ONLY_TCP = """
import json, os, sys
if json.load(open(sys.argv[1]))["transport"] != "tcp":
    sys.exit("Invalid argument")
os.execv(sys.executable, [sys.executable, "-m", "ipykernel_launcher", "-f", sys.argv[1]])
"""
SPECS = {
    "exits": {"argv": [sys.executable, "-c", "import sys; print('boom'); sys.exit(7)", "{x}"]},
    "silent": {"argv": [sys.executable, "-c", "import time; time.sleep(600)"]},
    "only-tcp": {"argv": [sys.executable, "-c", ONLY_TCP, "{connection_file}"]},
    "by-message": {"argv": IPYKERNEL, "interrupt_mode": "message"},
    "with-env": {"argv": IPYKERNEL, "env": {"COLOUR": "red-${SHADE}"}},
    "no-program": {"argv": ["/nonexistent/kernel", "{connection_file}"]},
}


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[AgentProcess]:
    """An agent that finds the kernelspecs above."""
    for name, spec in SPECS.items():
        directory = tmp_path / "jupyter" / "kernels" / name
        directory.mkdir(parents=True)
        shown = {"display_name": name, "language": "python"}
        (directory / "kernel.json").write_text(json.dumps({**shown, **spec}))
    env = {"JUPYTER_PATH": str(tmp_path / "jupyter"), "SHADE": "dark"}
    process = AgentProcess(tmp_path / "data", env=env)
    try:
        await process.start()
        yield process
    finally:
        await process.clean_up()


async def test_a_kernel_that_exits_at_once_tells_code_and_log_and_ends_its_tasks(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch("exits")
    await agent.submit(kernel, "1")
    records = await agent.records(kernel)
    end = last_body(records)
    assert (end["cause"], end["exit_code"]) == ("start_failed", 7)
    assert "exited by itself with code 7" in end["reason"]
    assert "boom" in end["reason"]
    assert end_of(records, 1)["state"] == "cancelled"
    assert "never ran" in end_of(records, 1)["reason"]


async def test_a_kernel_that_never_answers_is_ended_after_its_time(agent: AgentProcess) -> None:
    kernel = await agent.launch("silent", start_timeout_seconds=1.0)
    end = last_body(await agent.records(kernel))
    assert end["cause"] == "start_failed"
    assert "did not answer within 1 s" in end["reason"]


@pytest.mark.parametrize("image", ["no-program", "never-heard-of"])
async def test_an_image_that_cannot_run_is_a_failed_start(agent: AgentProcess, image: str) -> None:
    kernel = await agent.launch(image)
    records = await agent.records(kernel)
    assert [record.kind for record in records] == [RecordKind.KERNEL_ENDED]
    assert last_body(records)["cause"] == "start_failed"
    assert "could not be started" in last_body(records)["reason"]


async def test_a_kernel_that_cannot_use_unix_sockets_gets_ports(agent: AgentProcess) -> None:
    kernel = await agent.launch("only-tcp")
    await agent.submit(kernel, "print('over tcp')")
    records = await agent.records(kernel, until=ended(1))
    assert stdout_of(records, 1) == "over tcp\n"


async def test_a_kernel_that_wants_messages_is_interrupted_by_message(agent: AgentProcess) -> None:
    kernel = await agent.launch("by-message")
    code = "import time\nprint('begun', flush=True)\ntime.sleep(600)"
    tasks = await agent.submit(kernel, code, "print('next')")
    await agent.records(kernel, until=says("begun"))
    await agent.done(link.Cancel(kernel, tasks[0].task_id, 1, "no"))
    records = await agent.records(kernel, until=ended(2))
    assert end_of(records, 1)["state"] == "cancelled"
    assert stdout_of(records, 2) == "next\n"


async def test_the_environment_of_a_kernelspec_is_expanded(agent: AgentProcess) -> None:
    kernel = await agent.launch("with-env")
    await agent.submit(kernel, "import os; print(os.environ['COLOUR'])")
    records = await agent.records(kernel, until=ended(1))
    assert stdout_of(records, 1) == "red-dark\n"
