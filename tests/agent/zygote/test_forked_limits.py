"""Limits hold for forked kernels as for others, also for those that were forked before they were asked for."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.agent.test_enclosures import may_enclose
from tests.agent.test_limits import GREEDY, MEMORY, may_make_groups
from tests.support.agent_process import (
    AgentProcess,
    end_of,
    ended,
    last_body,
    stdout_of,
    wait_until,
)
from tests.support.groups import groups_of
from tests.support.zygotes import is_forked, wait_until_told, zygote_of

pytestmark = pytest.mark.journey

CROWD = """
import subprocess
begun = []
try:
    for _ in range(200):
        begun.append(subprocess.Popen(['sleep', '60']))
except OSError as error:
    print(type(error).__name__, len(begun) < 100)
for one in begun:
    one.kill()
"""


@pytest.fixture(params=["0", "1"], ids=["asked", "ahead"])
async def agent(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[AgentProcess]:
    """An agent that forks, and whose zygote is ready."""
    process = AgentProcess(tmp_path / "data", "--zygote-ahead", request.param, zygotes=1)
    try:
        await process.start()
        await zygote_of(process)
        if request.param == "1":
            await wait_until_told(process, lambda one: one.ahead_pid is not None)
        yield process
    finally:
        await process.clean_up()


def _groups(agent: AgentProcess, kernel: str) -> list[Path]:
    """The groups in which a kernel is."""
    pid = str(agent.kernel_pid(kernel))
    held = [
        group
        for parent in groups_of(agent.data_dir)
        for group in parent.iterdir()
        if group.is_dir()
    ]
    return [one for one in held if pid in (one / "cgroup.procs").read_text().split()]


async def test_want_of_memory_ends_it_and_is_told_as_such(agent: AgentProcess) -> None:
    kernel = await agent.launch(memory_bytes_limit=MEMORY)
    await agent.submit(kernel, GREEDY)
    if not may_make_groups("memory"):
        records = await agent.records(kernel, until=ended(1))
        assert end_of(records, 1)["error"]["name"] == "MemoryError"
        return
    records = await agent.records(kernel)
    assert is_forked(agent, kernel)
    assert last_body(records)["cause"] == "out_of_memory"
    assert end_of(records, 1)["cause"] == "out_of_memory"


async def test_processes_files_and_processors_are_limited(agent: AgentProcess) -> None:
    kernel = await agent.launch(processes_limit=60, file_bytes_limit=1_000_000, milli_cpu_limit=300)
    await agent.submit(kernel, CROWD, "open('big', 'wb').write(b'x' * 2_000_000)")
    records = await agent.records(kernel, until=ended(2))
    assert is_forked(agent, kernel)
    if may_make_groups("pids") or os.geteuid() != 0:
        assert stdout_of(records, 1) == "BlockingIOError True\n"
    assert end_of(records, 2)["error"]["name"] == "OSError"
    assert (agent.folder(kernel) / "work" / "big").stat().st_size <= 1_000_000
    if may_make_groups("cpu"):
        told = {
            name: file.read_text().split()[0]
            for name in ("cpu.max", "cpu.cfs_quota_us")
            for group in _groups(agent, kernel)
            if (file := group / name).exists()
        }
        assert "30000" in told.values()


async def test_used_up_processor_time_ends_it(agent: AgentProcess) -> None:
    kernel = await agent.launch(cpu_seconds_limit=3)
    await agent.submit(kernel, "while True: pass")
    records = await agent.records(kernel)
    assert is_forked(agent, kernel)
    assert last_body(records)["cause"] == "quota"


async def test_what_its_code_hides_ends_with_it(agent: AgentProcess) -> None:
    kernel = await agent.launch()
    code = (
        "import subprocess\n"
        "print(subprocess.Popen(['sleep', '600'], env={}, start_new_session=True).pid)\n"
    )
    await agent.submit(kernel, code, "import os; os._exit(3)")
    records = await agent.records(kernel)
    assert is_forked(agent, kernel)
    assert last_body(records)["exit_code"] == 3
    hidden = Path(f"/proc/{int(stdout_of(records, 1))}")
    if may_enclose():
        await wait_until(lambda: not hidden.exists())
