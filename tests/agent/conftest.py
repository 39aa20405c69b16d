"""An agent for every test that wants one, ended with its kernels afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.agent_process import AgentProcess


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[AgentProcess]:
    """A real agent, listening."""
    process = AgentProcess(tmp_path / "data")
    try:
        await process.start()
        yield process
    finally:
        await process.clean_up()
