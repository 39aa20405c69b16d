"""What a kernel's process prints beside the protocol is output, where the kernel does not see to it."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernelyard.agent.beside import MOST_OF_A_TASK, Beside
from kernelyard.wire import link

from tests.support.agent_process import AgentProcess, ended, says, stdout_of

ARGV = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
SPECS = {
    "deaf": {
        "argv": [*ARGV, "--IPKernelApp.capture_fd_output=False"],
        "metadata": {"kernelyard": {"tees_fd_output": False}},
    },
    "hearing": {"argv": ARGV},
}


@pytest.fixture(autouse=True)
def as_outside_of_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """ipykernel leaves its descriptors alone where it believes to be tested."""
    monkeypatch.delenv("PYTEST_CURRENT_TEST", raising=False)


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[AgentProcess]:
    """An agent that finds the kernelspecs above."""
    for name, spec in SPECS.items():
        place = tmp_path / "jupyter" / "kernels" / name
        place.mkdir(parents=True)
        text = json.dumps({"display_name": name, "language": "python", **spec})
        (place / "kernel.json").write_text(text)
    agent = AgentProcess(tmp_path / "data", env={"JUPYTER_PATH": str(tmp_path / "jupyter")})
    try:
        await agent.start()
        yield agent
    finally:
        await agent.clean_up()


async def test_it_comes_while_the_task_runs_and_none_of_it_later(agent: AgentProcess) -> None:
    kernel = await agent.launch("deaf")
    code = "import os, time\nos.system('echo from below')\nwhile True: time.sleep(0.01)"
    tasks = await agent.submit(kernel, code, "print('plain')")
    await agent.records(kernel, until=says("from below"))
    await agent.done(link.Cancel(kernel, tasks[0].task_id, 1, "enough"))
    records = await agent.records(kernel, until=ended(2))
    assert stdout_of(records, 1) == "from below\n"
    assert stdout_of(records, 2) == "plain\n"


async def test_the_last_of_it_is_before_the_end_of_its_task(agent: AgentProcess) -> None:
    kernel = await agent.launch("deaf")
    await agent.submit(kernel, *["import os; os.system('echo below')"] * 3)
    records = await agent.records(kernel, until=ended(3))
    assert [stdout_of(records, seq) for seq in (1, 2, 3)] == ["below\n"] * 3


async def test_what_a_kernel_forwards_itself_comes_once(agent: AgentProcess) -> None:
    kernel = await agent.launch("hearing")
    await agent.submit(kernel, "import os; os.system('echo below')")
    await agent.records(kernel, until=says("below"))
    await agent.submit(kernel, "print('next')", first=2)
    records = await agent.records(kernel, until=ended(2))
    assert sum(says("below")(record) for record in records) == 1


def test_it_is_bounded_and_says_where_the_rest_is(tmp_path: Path) -> None:
    log = tmp_path / "kernel.log"
    log.write_bytes(b"before\n")
    beside = Beside(log)
    beside.begin()
    assert beside.contents() == []
    with log.open("ab") as file:
        file.write(b"x" * (MOST_OF_A_TASK + 1000))
    contents = beside.contents()
    text = "".join(json.loads(one)["text"] for one in contents)
    assert "before" not in text
    assert text.count("x") == MOST_OF_A_TASK
    assert text.endswith("[more is in the kernel's log]\n")
    assert beside.contents() == []
    beside.begin()
    with log.open("ab") as file:
        file.write("müde\n".encode()[:2])
    assert [json.loads(one)["text"] for one in beside.contents()] == ["m"]
    with log.open("ab") as file:
        file.write("müde\n".encode()[2:])
    assert [json.loads(one)["text"] for one in beside.contents()] == ["üde\n"]
