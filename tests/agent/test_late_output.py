"""What some kernels say of code after they have said that it is over belongs to its task all the same."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.agent_process import AgentProcess, end_of, ended, stdout_of

LATE = "import threading\nthreading.Timer(0.1, print, ['late']).start()\nprint('in time')"


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[AgentProcess]:
    """An agent with a kernel that is said to speak late."""
    place = tmp_path / "jupyter" / "kernels" / "tardy"
    place.mkdir(parents=True)
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "tardy",
        "language": "python",
        "metadata": {"kernelyard": {"late_output_seconds": 4}},
    }
    (place / "kernel.json").write_text(json.dumps(spec))
    agent = AgentProcess(tmp_path / "data", env={"JUPYTER_PATH": str(tmp_path / "jupyter")})
    try:
        await agent.start()
        yield agent
    finally:
        await agent.clean_up()


async def test_output_behind_the_idle_mark_is_output_of_its_task(agent: AgentProcess) -> None:
    kernel = await agent.launch("tardy")
    await agent.submit(kernel, LATE, "1")
    records = await agent.records(kernel, until=ended(2))
    assert stdout_of(records, 1) == "in time\nlate\n"
    assert end_of(records, 1)["state"] == "succeeded"
    assert end_of(records, 2)["state"] == "succeeded"
