"""An agent has one kernel of each zygote forked before it is asked for: whose it is, and when there is none."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernelyard.agent.cgroups import Groups
from kernelyard.agent.enclosures import Enclosures
from kernelyard.agent.places import runtime_dir, runtime_name
from kernelyard.model.records import RecordKind
from kernelyard.providers.process_identity import start_time_of
from kernelyard.wire import link
from kernelyard.wire.zygotes import ZygoteFact

from tests.support.agent_process import AgentProcess, ended, of_kind, wait_until
from tests.support.zygotes import is_alive, is_forked, said, wait_until_told, zygote_of

PID = "import os; print(os.getpid())"


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[AgentProcess]:
    """A real agent that forks kernels."""
    process = AgentProcess(tmp_path / "data", zygotes=1)
    try:
        await process.start()
        yield process
    finally:
        await process.clean_up()


async def waiting(agent: AgentProcess, but: int | None = None) -> ZygoteFact:
    """The zygote of the agent's own Python, as soon as a kernel waits; another one than that."""
    await zygote_of(agent)
    return await wait_until_told(agent, lambda one: one.ahead_pid not in (None, but))


async def started(agent: AgentProcess, **order: object) -> str:
    """A kernel that is ready."""
    kernel = await agent.launch("python3", **order)
    await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
    assert is_forked(agent, kernel)
    return kernel


def groups_of(agent: AgentProcess) -> list[str]:
    """The control groups that there are of an agent's kernels."""
    parent = Enclosures.find(runtime_name(agent.data_dir)).parent
    return [] if parent is None else [one.name for one in parent.iterdir() if one.is_dir()]


async def test_a_kernel_is_the_one_that_waited_and_another_waits_for_the_next(
    agent: AgentProcess,
) -> None:
    first = await waiting(agent)
    assert first.ahead_pss_bytes
    kernel = await started(agent, environment={"MINE": "yes"})
    assert await said(agent, kernel, PID) == str(first.ahead_pid)
    code = "import os; print(os.environ['MINE'], os.environ['KERNELYARD_KERNEL_ID'])"
    assert await said(agent, kernel, code, 2) == f"yes {kernel}"
    second = await waiting(agent, but=first.ahead_pid)
    other = await started(agent)
    assert await said(agent, other, PID) == str(second.ahead_pid)
    code = "import os; print(os.environ.get('MINE'), os.environ['KERNELYARD_KERNEL_ID'])"
    assert await said(agent, other, code, 2) == f"None {other}"


async def test_of_many_at_once_one_has_waited_and_all_answer(agent: AgentProcess) -> None:
    first = await waiting(agent)
    kernels = [await agent.launch("python3") for _ in range(4)]
    pids = [await said(agent, one, PID) for one in kernels]
    assert len(set(pids)) == len(kernels)
    assert str(first.ahead_pid) in pids
    assert all(is_forked(agent, one) for one in kernels)


async def test_none_waits_where_that_is_not_wanted(tmp_path: Path) -> None:
    agent = AgentProcess(tmp_path / "data", "--zygote-ahead", "0", zygotes=1)
    try:
        await agent.start()
        await zygote_of(agent)
        for _ in range(2):
            await started(agent)
        assert (await zygote_of(agent)).ahead_pid is None
    finally:
        await agent.clean_up()


async def test_what_its_kernel_has_started_ends_with_it_also_under_a_later_agent(
    agent: AgentProcess,
) -> None:
    if Enclosures.find(runtime_name(agent.data_dir)).parent is None:
        pytest.skip("no control group of version 2 can be made here")
    first = await waiting(agent)
    kernel = await started(agent)
    code = (
        "import os, subprocess, sys\n"
        "hidden = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], "
        "env={}, start_new_session=True)\n"
        "print(os.getpid(), hidden.pid)"
    )
    own, hidden = map(int, (await said(agent, kernel, code)).split())
    assert own == first.ahead_pid
    await waiting(agent, but=own)
    agent.kill()
    await agent.start()
    assert await said(agent, kernel, PID, 2) == str(own)
    assert start_time_of(hidden) is not None
    await agent.done(link.Stop(kernel, "enough"))
    await agent.records(kernel)
    await wait_until(lambda: start_time_of(hidden) is None)


async def test_it_ends_with_its_agent_and_the_next_one_has_another(agent: AgentProcess) -> None:
    first = await waiting(agent)
    kernel = await started(agent)
    second = await waiting(agent, but=first.ahead_pid)
    agent.kill()
    await wait_until(lambda: not is_alive(second.ahead_pid))
    await agent.start()
    third = await waiting(agent)
    assert third.pid == first.pid
    assert await said(agent, kernel, PID) == str(first.ahead_pid)
    assert await said(agent, await started(agent), PID) == str(third.ahead_pid)


async def test_nothing_is_left_of_it_when_all_is_over(agent: AgentProcess) -> None:
    first = await waiting(agent)
    await agent.done(link.Quit(stop_kernels=True))
    await agent.wait()
    await wait_until(lambda: not is_alive(first.ahead_pid))
    assert not list(runtime_dir(agent.data_dir).glob("*-0-[1-5]"))
    assert not groups_of(agent)
    Enclosures.find(runtime_name(agent.data_dir)).close()


async def test_one_that_is_killed_costs_no_kernel(agent: AgentProcess) -> None:
    first = await waiting(agent)
    assert first.ahead_pid is not None
    os.kill(first.ahead_pid, signal.SIGKILL)
    kernel = await started(agent)
    assert await said(agent, kernel, "print(6 * 7)") == "42"


async def test_limits_are_those_of_its_kernel(agent: AgentProcess) -> None:
    groups = Groups.find("kernelyard-test-of-access")
    groups.close()
    if "pids" not in groups.parents:
        pytest.skip("no control group for processes can be made here")
    first = await waiting(agent)
    kernel = await started(agent, processes_limit=24)
    code = (
        "import os, threading\n"
        "begun = []\n"
        "try:\n"
        "    for _ in range(100):\n"
        "        one = threading.Thread(target=threading.Event().wait, daemon=True)\n"
        "        one.start(); begun.append(one)\n"
        "except RuntimeError:\n"
        "    pass\n"
        "print(os.getpid(), len(begun) < 24)"
    )
    await agent.submit(kernel, code)
    await agent.records(kernel, until=ended(1))
    pid, held = (await said(agent, kernel, code, 2)).split()
    assert (pid, held) == (str(first.ahead_pid), "True")


async def test_a_kernel_that_begins_again_keeps_no_group_when_it_has_ended(
    agent: AgentProcess,
) -> None:
    first = await waiting(agent)
    kernel = await started(agent)
    assert await said(agent, kernel, PID) == str(first.ahead_pid)
    second = await waiting(agent, but=first.ahead_pid)
    await agent.done(link.Restart(kernel, 2, "once more"))
    again = await said(agent, kernel, PID, 2)
    assert again != str(first.ahead_pid)
    await agent.done(link.Stop(kernel, "enough"))
    await agent.records(kernel)
    third = await waiting(agent)
    assert is_alive(third.ahead_pid)
    assert third.ahead_pid == second.ahead_pid or again == str(second.ahead_pid)
    await wait_until(lambda: len(groups_of(agent)) <= 1)
