"""A kernel that waits in a pool becomes somebody's: with his environment and directory, before anything runs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from dataclasses import replace
from pathlib import Path

from kernelyard.model.errors import KernelEnded, KernelNotRunning
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.projection import body_of
from kernelyard.model.records import Record, RecordKind
from kernelyard.wire import link
from kernelyard.wire.interventions import Claim

from tests.support.agent_process import (
    AgentProcess,
    end_of,
    ended,
    fault_in,
    last_body,
    of_kind,
    stdout_of,
)
from tests.support.environments import a_virtualenv, only_here
from tests.support.relay_client import RelayClient

SHOW = "import os; print(os.environ.get('GREETING'), os.environ.get('KEPT'), os.getcwd())"


async def waiting(agent: AgentProcess, image: str = "python3", **more: object) -> LaunchOrder:
    """A kernel that waits, ready, and its order."""
    fields = {"environment": {"KEPT": "k", "DROPPED": "d"}, "pooled": True, **more}
    kernel_id = await agent.launch(image, **fields)
    await agent.records(kernel_id, until=of_kind(RecordKind.KERNEL_READY))
    named = {"provider": "kernelspec", "image": image, **fields}
    return LaunchOrder(kernel_id=kernel_id, attempt=1, **named)


async def claim(agent: AgentProcess, order: LaunchOrder, **more: object) -> LaunchOrder:
    """Give it to somebody."""
    claimed = replace(order, pooled=False, **more)
    await agent.done(Claim(claimed))
    return claimed


async def run(agent: AgentProcess, kernel_id: str, code: str, seq: int = 1) -> str:
    """What some code prints."""
    await agent.submit(kernel_id, code, first=seq)
    return stdout_of(await agent.records(kernel_id, until=ended(seq)), seq)


def restarts(records: list[Record]) -> int:
    """How often it was started anew."""
    return sum(one.kind is RecordKind.KERNEL_RESTARTING for one in records)


async def test_environment_and_directory_are_applied_to_the_running_process(
    agent: AgentProcess, tmp_path: Path
) -> None:
    order = await waiting(agent)
    await claim(
        agent,
        order,
        environment={"KEPT": "k", "GREETING": "hello"},
        path=f"{tmp_path}/./deep/in.ipynb",
    )
    assert await run(agent, order.kernel_id, SHOW) == f"hello k {tmp_path}\n"
    told = await run(agent, order.kernel_id, "print(os.environ.get('DROPPED'))", 2)
    assert told == "None\n"
    assert restarts(await agent.records(order.kernel_id, until=ended(2))) == 0


async def test_a_claim_that_asks_for_nothing_leaves_everything_as_it_is(
    agent: AgentProcess,
) -> None:
    order = await waiting(agent)
    await claim(agent, order)
    work = agent.folder(order.kernel_id) / "work"
    assert await run(agent, order.kernel_id, SHOW) == f"None k {work}\n"
    records = await agent.records(order.kernel_id, until=ended(1))
    kinds = [one.kind for one in records[:3]]
    assert kinds == [RecordKind.KERNEL_LAUNCHED, RecordKind.KERNEL_READY, RecordKind.STARTED]
    assert end_of(records, 1)["execution_count"] == 1


async def test_nothing_in_it_tells_that_it_has_waited(agent: AgentProcess) -> None:
    look = "print(sorted(globals()), In, Out, len(dir(get_ipython())), globals().get('_'))"
    order = await waiting(agent)
    await claim(agent, order, environment={"KEPT": "k", "DROPPED": "d", "GREETING": "hello"})
    other = await agent.launch()
    assert await run(agent, order.kernel_id, look) == await run(agent, other, look)


async def test_it_runs_nothing_before_it_is_somebodys(agent: AgentProcess) -> None:
    order = await waiting(agent)
    refused = fault_in(await agent.ask(link.Submit(order.kernel_id, [])))
    assert refused.code == KernelNotRunning.code


async def test_ipython_believes_to_have_been_started_in_the_directory(
    agent: AgentProcess, tmp_path: Path
) -> None:
    order = await waiting(agent)
    await claim(agent, order, path=f"{tmp_path}/./in.ipynb")
    told = await run(agent, order.kernel_id, "print(_dh, get_ipython().starting_dir)")
    assert told == f"{[str(tmp_path)]} {tmp_path}\n"


async def test_a_client_of_a_server_speaks_with_it_only_when_it_is_somebodys(
    agent: AgentProcess,
) -> None:
    order = await waiting(agent)
    joining = asyncio.ensure_future(RelayClient.join(agent, order.kernel_id))
    await asyncio.wait({joining}, timeout=0.3)
    assert not joining.done()
    await claim(agent, order, environment={"GREETING": "hello", "PYTHONPATH": "/somewhere"})
    client = await joining
    await client.run(SHOW)
    assert client.texts().startswith("hello None ")
    client.line.close()


async def test_a_bridge_is_opened_only_when_it_is_somebodys(agent: AgentProcess) -> None:
    order = await waiting(agent)
    opening = asyncio.ensure_future(agent.ask(link.Bridge(order.kernel_id)))
    await asyncio.wait({opening}, timeout=0.3)
    assert not opening.done()
    await claim(agent, order)
    assert isinstance(await opening, link.Bridged)


async def test_what_only_a_fresh_process_reads_gets_one(agent: AgentProcess) -> None:
    order = await waiting(agent)
    await claim(agent, order, environment={"KEPT": "k", "PYTHONPATH": "/somewhere"})
    told = await run(agent, order.kernel_id, "import sys; print('/somewhere' in sys.path)")
    assert told == "True\n"
    assert restarts(await agent.records(order.kernel_id, until=ended(1))) == 1


async def test_a_claim_is_repeatable_and_undoes_nothing(agent: AgentProcess) -> None:
    order = await waiting(agent)
    claimed = await claim(agent, order, environment={"GREETING": "hello"})
    await run(agent, order.kernel_id, "import os; os.environ['GREETING'] = 'mine'; os.chdir('/')")
    await agent.done(Claim(claimed))
    assert await run(agent, order.kernel_id, SHOW, 2) == "mine None /\n"


async def test_claims_at_once_apply_once(agent: AgentProcess) -> None:
    order = await waiting(agent)
    wanted = {"environment": {"GREETING": "hello"}}
    await asyncio.gather(*(claim(agent, order, **wanted) for _ in range(4)))
    assert (await run(agent, order.kernel_id, SHOW)).startswith("hello None ")


async def test_it_waits_for_an_agent_that_is_started_again(agent: AgentProcess) -> None:
    order = await waiting(agent)
    agent.kill()
    await agent.start()
    refused = fault_in(await agent.ask(link.Submit(order.kernel_id, [])))
    assert refused.code == KernelNotRunning.code
    await claim(agent, order, environment={"GREETING": "hello"})
    assert (await run(agent, order.kernel_id, SHOW)).startswith("hello None ")


async def test_what_was_claimed_stays_so_for_an_agent_that_is_started_again(
    agent: AgentProcess,
) -> None:
    order = await waiting(agent)
    claimed = await claim(agent, order, environment={"GREETING": "hello"})
    await run(agent, order.kernel_id, "import os; os.environ['GREETING'] = 'mine'")
    agent.kill()
    await agent.start()
    await agent.done(Claim(claimed))
    assert (await run(agent, order.kernel_id, SHOW, 2)).startswith("mine None ")


async def test_a_restart_keeps_what_was_claimed(agent: AgentProcess) -> None:
    order = await waiting(agent)
    await claim(agent, order, environment={"GREETING": "hello"})
    await agent.done(link.Restart(order.kernel_id, 2, "to see"))
    assert (await run(agent, order.kernel_id, SHOW)).startswith("hello None ")


async def test_one_that_dies_while_it_waits_is_started_again(agent: AgentProcess) -> None:
    order = await waiting(agent)
    process = json.loads((agent.folder(order.kernel_id) / "process.json").read_bytes())
    os.kill(process["pid"], signal.SIGKILL)
    await agent.records(order.kernel_id, until=of_kind(RecordKind.KERNEL_RESTARTING))
    await claim(agent, order, environment={"GREETING": "hello"})
    assert (await run(agent, order.kernel_id, SHOW)).startswith("hello None ")


async def test_one_that_has_ended_cannot_be_claimed(agent: AgentProcess) -> None:
    order = await waiting(agent)
    await agent.done(link.Stop(order.kernel_id, "no more"))
    refused = fault_in(await agent.ask(Claim(replace(order, pooled=False))))
    assert refused.code == KernelEnded.code
    assert last_body(await agent.records(order.kernel_id))["cause"] == "asked"


async def test_its_limits_of_time_count_from_the_claim(agent: AgentProcess) -> None:
    order = await waiting(agent, max_idle_seconds=0.3, max_life_seconds=0.6)
    await asyncio.sleep(0)
    waiting_records = await agent.records(order.kernel_id, until=of_kind(RecordKind.KERNEL_READY))
    assert len(waiting_records) == 2
    other = await waiting(agent)
    assert len(await agent.records(order.kernel_id, until=of_kind(RecordKind.KERNEL_READY))) == 2
    await claim(agent, other)
    claimed = await claim(agent, order, max_idle_seconds=None, max_life_seconds=0.6)
    assert claimed.max_life_seconds == 0.6
    end = last_body(await agent.records(order.kernel_id))
    assert end["cause"] == "life_limit"


async def test_a_directory_that_is_not_there_is_told_as_at_any_start(
    agent: AgentProcess, tmp_path: Path
) -> None:
    order = await waiting(agent)
    await claim(agent, order, path=f"{tmp_path}/missing/./in.ipynb")
    end = last_body(await agent.records(order.kernel_id))
    assert end["cause"] == "start_failed"
    assert "no such directory" in str(end["reason"])


async def test_one_that_waits_is_started_anew_when_its_environment_has_changed(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    prefix = a_virtualenv(home / ".virtualenvs" / "mine")
    agent = AgentProcess(tmp_path / "data", env=only_here(home))
    try:
        await agent.start()
        order = await waiting(agent, "mine", provider="virtualenv")
        (packages,) = prefix.glob("lib/python*/site-packages")
        (packages / "new_package").mkdir()
        restarting = of_kind(RecordKind.KERNEL_RESTARTING)
        records = await agent.records(order.kernel_id, until=restarting)
        assert "site-packages has changed" in str(body_of(records[-1])["reason"])
    finally:
        await agent.clean_up()
