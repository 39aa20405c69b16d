"""A user's file of quirks decides how kernels are met, and never whether the agent starts."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.agent_process import AgentProcess, ended


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.toml"


@pytest.fixture
async def agent(tmp_path: Path, file: Path) -> AsyncIterator[AgentProcess]:
    process = AgentProcess(tmp_path / "data", "--quirks-file", str(file))
    try:
        yield process
    finally:
        await process.clean_up()


def settle(file: Path, line: str) -> None:
    """Write a file with one line about ipykernel."""
    file.write_text(f"[kernels.ipykernel]\n{line}\n")


async def transport_of_a_kernel(agent: AgentProcess) -> str:
    """Over what a new kernel is spoken to, which runs code."""
    kernel = await agent.launch()
    await agent.submit(kernel, "1")
    await agent.records(kernel, until=ended(1))
    said = json.loads((agent.folder(kernel) / "connection-1.json").read_bytes())
    return str(said["transport"])


async def test_a_wrong_file_is_told_with_its_key_and_a_mended_one_holds_from_the_next_kernel(
    agent: AgentProcess, file: Path
) -> None:
    settle(file, 'meats = ["classic"]')
    await agent.start()
    assert await transport_of_a_kernel(agent) == "ipc"
    settle(file, 'meets = ["classic"]')
    assert await transport_of_a_kernel(agent) == "tcp"
    log = (agent.data_dir / "agent.log").read_text()
    (line,) = [line for line in log.splitlines() if "quirks.wrong" in line]
    assert f"{file}, [kernels.ipykernel]: 'meats' is no quirk" in line


async def test_a_file_that_was_named_and_is_not_there_is_told(
    agent: AgentProcess, file: Path
) -> None:
    await agent.start()
    assert f"There is no file of quirks {file}" in (agent.data_dir / "agent.log").read_text()
