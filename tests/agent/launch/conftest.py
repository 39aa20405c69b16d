"""What is true of kernels that are started as new programs is true of those that are forked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.agent_process import AgentProcess
from tests.support.zygotes import zygote_of


@pytest.fixture(params=["exec", "fork"])
async def agent(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[AgentProcess]:
    """A real agent, listening; its kernels are started in one way or the other."""
    forks = request.param == "fork"
    process = AgentProcess(tmp_path / "data", zygotes=int(forks))
    try:
        await process.start()
        if forks:
            await zygote_of(process, "python3")
        yield process
    finally:
        await process.clean_up()
