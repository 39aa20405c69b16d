"""A kernel that has never answered is started anew by an agent that finds it, and has not died."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernelyard.model.records import RecordKind

from tests.agent.rendezvous.test_strangers import a_spec, settled
from tests.support.agent_process import AgentProcess, ended, of_kind, stdout_of, wait_until
from tests.support.kernelspecs import install


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[AgentProcess]:
    """An agent that finds a kernel which answers only when it is started for the second time."""
    install(tmp_path, "shy", **a_spec("ipc", "muted-once", **settled("ipc")))
    process = AgentProcess(tmp_path / "data", env={"JUPYTER_PATH": str(tmp_path)})
    try:
        await process.start()
        yield process
    finally:
        await process.clean_up()


async def test_one_that_never_answers_is_started_anew(agent: AgentProcess) -> None:
    kernel = await agent.launch("shy", start_timeout_seconds=5.0)
    await agent.submit(kernel, "hello")
    await wait_until((agent.folder(kernel) / "muted-once").exists)
    agent.kill()
    await agent.start()
    records = await agent.records(kernel, until=ended(1))
    assert stdout_of(records, 1) == "ipc: hello\n"
    assert len(list(filter(of_kind(RecordKind.KERNEL_READY), records))) == 1
    assert not list(filter(of_kind(RecordKind.KERNEL_RESTARTING), records))
