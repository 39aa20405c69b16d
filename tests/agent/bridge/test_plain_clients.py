"""Plain Jupyter clients join a kernel of ours, beside its tasks and beside each other."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest

from kernelyard.model.projection import body_of
from kernelyard.model.records import RecordKind
from kernelyard.wire import link

from tests.support.agent_process import (
    AgentProcess,
    end_of,
    ended,
    fault_in,
    last_body,
    of_kind,
    stdout_of,
    wait_until,
)
from tests.support.plain_client import PlainClient, bridge_of

FOREVER = "import time; print('on')\nwhile True: time.sleep(0.01)"


class Clients:
    """Joins kernels, and leaves them all at the end."""

    def __init__(self, agent: AgentProcess) -> None:
        self._agent = agent
        self._made: list[PlainClient] = []

    async def join(self, kernel: str) -> PlainClient:
        return await self.with_file(await bridge_of(self._agent, kernel))

    async def with_file(self, info: dict[str, Any]) -> PlainClient:
        client = PlainClient(info)
        self._made.append(client)
        return await client.ready()

    def close(self) -> None:
        for client in self._made:
            client.close()


@pytest.fixture
async def clients(agent: AgentProcess) -> AsyncIterator[Clients]:
    made = Clients(agent)
    yield made
    made.close()


async def test_two_clients_and_tasks_share_one_kernel(
    agent: AgentProcess, clients: Clients
) -> None:
    kernel = await agent.launch()
    await agent.submit(kernel, "x = 1")
    one, two = await clients.join(kernel), await clients.join(kernel)
    assert one.info == two.info
    assert (one.info["transport"], one.info["ip"]) == ("tcp", "127.0.0.1")
    first, second = await asyncio.gather(
        one.run("x += 1; print('one')"), two.run("x += 10; print('two')")
    )
    assert (first.stdout, second.stdout) == ("one\n", "two\n")
    await agent.submit(kernel, "print(x)", first=2)
    records = await agent.records(kernel, until=ended(2))
    assert stdout_of(records, 2) == "12\n"
    assert end_of(records, 1)["state"] == end_of(records, 2)["state"] == "succeeded"


async def test_an_error_of_a_client_does_not_end_the_tasks_behind_it(
    agent: AgentProcess, clients: Clients
) -> None:
    kernel = await agent.launch()
    client = await clients.join(kernel)
    failing = client.send("import time; time.sleep(1); 1 / 0")
    given_up = client.send("print('never')")
    await client.told("execute_input", channel="iopub")
    await agent.submit(kernel, "print('task')")
    records = await agent.records(kernel, until=ended(1))
    assert end_of(records, 1)["state"] == "succeeded"
    assert (await client.shell_reply(failing))["ename"] == "ZeroDivisionError"
    assert await client.shell_reply(given_up) == {"status": "aborted"}


async def test_a_client_is_asked_for_input(agent: AgentProcess, clients: Clients) -> None:
    kernel = await agent.launch()
    client, other = await clients.join(kernel), await clients.join(kernel)
    assert (await client.run("print(input('who? '))", answer="ada")).stdout == "ada\n"
    assert (await other.run("print(input('who? '))", answer="bob")).stdout == "bob\n"


async def test_a_client_interrupts_what_runs(agent: AgentProcess, clients: Clients) -> None:
    kernel = await agent.launch()
    client, other = await clients.join(kernel), await clients.join(kernel)
    running = client.send(FOREVER)
    await client.until_printed("on")
    assert (await other.ask_nanny("interrupt_request"))["status"] == "ok"
    ran = await client.end_of(running)
    assert ran.errors == ["KeyboardInterrupt"]


async def test_a_restart_keeps_clients_attached_and_tells_them_why(
    agent: AgentProcess, clients: Clients
) -> None:
    kernel = await agent.launch()
    client, other = await clients.join(kernel), await clients.join(kernel)
    await client.run("x = 1")
    running = client.send(FOREVER, stop_on_error=False)
    waiting = client.send("print('x' in globals())")
    await client.until_printed("on")
    await agent.done(link.Restart(kernel, 2, "restarted by ada"))
    lost = await client.end_of(running)
    assert (lost.status, lost.reply["ename"]) == ("error", "KernelRestarted")
    assert "restarted by ada" in lost.reply["evalue"]
    assert (await client.end_of(waiting)).stdout == "False\n"
    for told in (await client.told("kernel_restarted"), await other.told("kernel_restarted")):
        assert (told["reason"], told["attempt"]) == ("restarted by ada", 2)
    assert (await other.run("print('x' in globals())")).stdout == "False\n"
    assert await bridge_of(agent, kernel) == client.info


async def test_every_client_is_told_of_a_death(agent: AgentProcess, clients: Clients) -> None:
    kernel = await agent.launch()
    client, other = await clients.join(kernel), await clients.join(kernel)
    running = client.send("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    for one in (client, other):
        told = await one.told("kernel_died")
        assert (told["signal"], told["restarting"], told["cause"]) == ("SIGKILL", False, "died")
        assert told["attempt"] == 1
        assert (await one.told("status", channel="iopub"))["execution_state"]
    lost = await client.shell_reply(running)
    assert (lost["status"], lost["ename"]) == ("error", "KernelDied")
    await wait_until(lambda: not (agent.folder(kernel) / "bridge.json").exists())
    refused = fault_in(await agent.ask(link.Bridge(kernel)))
    assert refused.code == "kernel_ended"
    await client.until_dead()


async def test_a_kernel_that_is_started_again_after_a_death_keeps_its_clients(
    agent: AgentProcess, clients: Clients
) -> None:
    kernel = await agent.launch(restart_policy="on-death")
    client = await clients.join(kernel)
    client.send("import os; os.kill(os.getpid(), 9)")
    died = await client.told("kernel_died")
    assert (died["restarting"], died["signal"], died["attempt"]) == (True, "SIGKILL", 1)
    assert (await client.told("kernel_restarted"))["attempt"] == 2
    assert (await client.run("print(6 * 7)")).stdout == "42\n"


async def test_the_file_is_good_when_the_agent_was_killed_and_started_again(
    agent: AgentProcess, clients: Clients
) -> None:
    kernel = await agent.launch()
    client = await clients.join(kernel)
    await client.run("x = 1")
    file = agent.folder(kernel) / "bridge.json"
    assert file.stat().st_mode & 0o777 == 0o600
    agent.kill()
    await agent.start()
    assert await bridge_of(agent, kernel) == client.info
    assert (await client.run("x += 1; print(x)")).stdout == "2\n"
    fresh = await clients.with_file(client.info)
    assert (await fresh.run("print(x)")).stdout == "2\n"


async def test_a_client_may_ask_for_the_end_and_the_journal_says_who_did(
    agent: AgentProcess, clients: Clients
) -> None:
    kernel = await agent.launch()
    client = await clients.join(kernel)
    assert await client.ask_nanny("shutdown_request", restart=True) == {
        "status": "ok",
        "restart": True,
    }
    assert "Jupyter client" in (await client.told("kernel_restarted"))["reason"]
    assert (await client.run("print('again')")).stdout == "again\n"
    assert (await client.ask_nanny("shutdown_request", restart=False))["status"] == "ok"
    end = last_body(await agent.records(kernel))
    assert end["cause"] == "asked"
    assert end["reason"].startswith("terminated by a Jupyter client attached through the bridge")


async def test_a_client_sends_signals_and_asks_whether_the_kernel_lives(
    agent: AgentProcess, clients: Clients
) -> None:
    kernel = await agent.launch()
    client = await clients.join(kernel)
    await client.run("import signal; signal.signal(signal.SIGUSR1, lambda *_: print('heard'))")
    assert await client.ask_nanny("signal_request", sig="SIGUSR1") == {
        "status": "ok",
        "sig": int(signal.SIGUSR1),
    }
    await client.until_printed("heard")
    assert (await client.ask_nanny("is_alive_request"))["alive"] is True
    refused = await client.ask_nanny("signal_request", sig="NONE")
    assert (refused["status"], refused["ename"]) == ("error", "Invalid")


async def test_a_bridge_that_was_closed_lets_nobody_in(
    agent: AgentProcess, clients: Clients
) -> None:
    kernel = await agent.launch()
    client = await clients.join(kernel)
    await agent.done(link.Bridge(kernel, close=True))
    await agent.done(link.Bridge(kernel, close=True))
    assert not (agent.folder(kernel) / "bridge.json").exists()
    again = await bridge_of(agent, kernel)
    assert again["key"] != client.info["key"]


async def test_a_port_that_was_taken_meanwhile_is_replaced(
    agent: AgentProcess, clients: Clients
) -> None:
    from kernelyard.agent.bridge.listening import bind_loopback

    kernel = await agent.launch()
    info = await bridge_of(agent, kernel)
    await agent.records(kernel, until=of_kind(RecordKind.KERNEL_READY))
    agent.kill()
    with bind_loopback(info["shell_port"]):
        await agent.start()
        moved = await bridge_of(agent, kernel)
    assert moved["shell_port"] != info["shell_port"]
    assert {**moved, "shell_port": 0} == {**info, "shell_port": 0}
    kept = json.loads((agent.folder(kernel) / "bridge.json").read_bytes())
    assert kept["shell_port"] == moved["shell_port"]
    client = await clients.with_file(moved)
    assert (await client.run("print(1)")).stdout == "1\n"


async def test_code_of_a_client_keeps_the_kernel_from_being_idle(
    agent: AgentProcess, clients: Clients
) -> None:
    kernel = await agent.launch(max_idle_seconds=1.5, attached_keeps_alive=False)
    client = await clients.join(kernel)
    ran = await client.run("import time; time.sleep(4); print('awake')")
    assert ran.stdout == "awake\n"
    records = await agent.records(kernel)
    active = [body_of(one) for one in records if one.kind is RecordKind.KERNEL_ACTIVE]
    assert {one["because"] for one in active} == {"a plain Jupyter client runs code on it"}
    assert last_body(records)["cause"] == "idle"


async def test_a_subshell_answers_while_the_main_shell_is_busy(
    agent: AgentProcess, clients: Clients
) -> None:
    kernel = await agent.launch()
    client = await clients.join(kernel)
    made = await client.ask_nanny("create_subshell_request")
    running = client.send(FOREVER)
    await client.until_printed("on")
    message = client.client.session.msg("execute_request", {"code": "print('beside')"})
    message["header"]["subshell_id"] = made["subshell_id"]
    client.client.shell_channel.send(message)
    assert (await client.end_of(message["header"]["msg_id"])).stdout == "beside\n"
    await client.ask_nanny("interrupt_request")
    assert (await client.end_of(running)).errors == ["KeyboardInterrupt"]


async def test_everybody_is_told_of_an_interrupt_and_by_whom(
    agent: AgentProcess, clients: Clients
) -> None:
    kernel = await agent.launch()
    client, other = await clients.join(kernel), await clients.join(kernel)
    await agent.submit(kernel, FOREVER)
    await client.until_printed("on")
    await agent.ask(link.Interrupt(kernel, by="ada"))
    for one in (client, other):
        told = await one.told("kernel_interrupted")
        assert (told["by"], told["outcome"]) == ("ada", "effective")
    await agent.records(kernel, until=ended(1))
    await other.ask_nanny("signal_request", sig="SIGCONT")
    told = await client.told("kernel_signalled")
    assert (told["signal"], told["delivered"]) == ("SIGCONT", True)
    assert told["by"].startswith("a Jupyter client attached through the bridge")


async def test_a_client_that_goes_while_it_is_asked_for_input_holds_up_no_task(
    agent: AgentProcess, clients: Clients
) -> None:
    kernel = await agent.launch()
    client = await clients.join(kernel)
    client.send("input('who? ')", allow_stdin=True)
    await client.told("input_request", channel="stdin")
    await agent.submit(kernel, "print('on it goes')")
    client.close()
    records = await agent.records(kernel, until=ended(1))
    assert stdout_of(records, 1) == "on it goes\n"
    records = await agent.records(kernel, until=of_kind(RecordKind.KERNEL_INTERRUPTED))
    by = [body_of(one)["by"] for one in records if one.kind is RecordKind.KERNEL_INTERRUPTED]
    assert by == ["the bridge, for the client that was asked for input has gone"]


async def test_a_file_that_was_left_with_an_ended_kernel_is_removed(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch()
    await bridge_of(agent, kernel)
    file = agent.folder(kernel) / "bridge.json"
    left = file.read_bytes()
    await agent.done(link.Stop(kernel, "done"))
    await wait_until(lambda: not file.exists())
    agent.kill()
    file.write_bytes(left)
    await agent.start()
    assert not file.exists()
