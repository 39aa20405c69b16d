"""Clients through the agent link: replies go to the asker, iopub to all · runs stand in the journal."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator

import pytest

from kernelyard.model.errors import Conflict, KernelEnded, KernelNotFound
from kernelyard.model.projection import body_of
from kernelyard.model.records import Record, RecordKind
from kernelyard.model.tasks import FIRST_CLIENT_SEQ
from kernelyard.wire import link

from tests.support.agent_process import AgentProcess, ended, of_kind, started
from tests.support.kernel_messages import a_request, encoded
from tests.support.relay_client import SECONDS, RelayClient, of_type


@pytest.fixture
async def kernel(agent: AgentProcess) -> str:
    return await agent.launch()


@pytest.fixture
async def client(agent: AgentProcess, kernel: str) -> AsyncIterator[RelayClient]:
    joined = await RelayClient.join(agent, kernel)
    yield joined
    joined.line.close()


def _runs(records: list[Record]) -> list[Record]:
    return [one for one in records if one.kind is RecordKind.STARTED]


def _ends_a_run(record: Record) -> bool:
    return record.kind is RecordKind.ENDED and record.seq > FIRST_CLIENT_SEQ


async def test_code_is_run_and_everybody_hears_it_but_only_the_asker_is_answered(
    agent: AgentProcess, kernel: str, client: RelayClient
) -> None:
    other = await RelayClient.join(agent, kernel, "other", "bob")
    msg_id = client.execute("print('hello'); 6 * 7")
    reply = await client.end(msg_id)
    assert (reply.type, reply.content["status"]) == ("execute_reply", "ok")
    assert client.texts(msg_id) == "hello\n"
    heard = await other.until(of_type("execute_result", msg_id))
    assert heard.content["data"] == {"text/plain": "42"}
    asked, framed = a_request("kernel_info_request")
    other.line.send(encoded(framed))
    await other.end(asked)
    assert not [one for one in other.heard if one.type == "execute_reply"]
    assert not [one for one in client.heard if one.type == "kernel_info_reply"]


async def test_a_client_that_comes_before_the_kernel_is_served_once_that_is_there(
    agent: AgentProcess,
) -> None:
    kernel_id = "5b1e9ba5-52b3-4e5b-9f0b-7c5f6a1b2c3d"
    joining = asyncio.create_task(RelayClient.join(agent, kernel_id))
    await agent.launch(kernel_id=kernel_id)
    client = await joining
    assert (await client.run("1")).content["status"] == "ok"
    assert not [one for one in client.heard if not one.parent], "it says nothing of its start"


async def test_a_run_is_in_the_journal_with_what_was_asked_and_by_whom(
    agent: AgentProcess, kernel: str, client: RelayClient
) -> None:
    msg_id = client.execute("print('kept')")
    await client.end(msg_id)
    records = await agent.records(kernel, until=_ends_a_run)
    (start,) = _runs(records)
    told = body_of(start)
    assert (told["msg_id"], told["asked"]["code"]) == (msg_id, "print('kept')")
    assert told["asked"]["author"] == "ann"
    assert start.seq == FIRST_CLIENT_SEQ + start.number
    assert [one.kind for one in records if one.seq == start.seq] == [
        RecordKind.STARTED,
        RecordKind.STREAM,
        RecordKind.ENDED,
    ]
    assert body_of(records[-1])["task_id"] == told["task_id"]


async def test_a_run_takes_its_turn_among_the_tasks(
    agent: AgentProcess, kernel: str, client: RelayClient
) -> None:
    await agent.submit(kernel, "x = 1\nx = input if 0 else x\nimport time; time.sleep(0.5)")
    await agent.records(kernel, until=started(1))
    msg_id = client.execute("x + 1")
    await agent.submit(kernel, "x = 10", first=2)
    await client.end(msg_id)
    (result,) = (one for one in client.heard if one.type == "execute_result")
    assert result.content["data"] == {"text/plain": "2"}
    records = await agent.records(kernel, until=ended(2))
    assert [one.seq for one in _runs(records)][::2] == [1, 2]


async def test_what_a_client_has_queued_behind_its_own_error_is_given_up_and_nothing_else(
    agent: AgentProcess, kernel: str, client: RelayClient
) -> None:
    other = await RelayClient.join(agent, kernel, "other")
    failing, vain = client.execute("1 / 0"), client.execute("2")
    fine = other.execute("3")
    assert (await client.end(failing)).content["ename"] == "ZeroDivisionError"
    assert (await client.end(vain)).content == {"status": "aborted"}
    assert (await other.end(fine)).content["status"] == "ok"
    assert (await client.run("4")).content["status"] == "ok"


async def test_a_prompt_is_a_message_to_its_owner_and_is_answered(
    agent: AgentProcess, kernel: str, client: RelayClient
) -> None:
    other = await RelayClient.join(agent, kernel, "other")
    msg_id = client.execute("print('I am', input('who? '))", allow_stdin=True)
    prompt = await client.until(of_type("input_request", msg_id))
    assert (prompt.channel, prompt.content["prompt"]) == ("stdin", "who? ")
    _, answer = a_request("input_reply", {"value": "ann"}, channel="stdin", parent=prompt.header)
    client.line.send(encoded(answer))
    await client.end(msg_id)
    assert client.texts(msg_id) == "I am ann\n"
    await other.until(of_type("stream", msg_id))
    assert not [one for one in other.heard if one.channel == "stdin"]


async def test_code_that_waits_for_a_client_that_has_gone_is_interrupted(
    agent: AgentProcess, kernel: str, client: RelayClient
) -> None:
    msg_id = client.execute("input()", allow_stdin=True)
    await client.until(of_type("input_request", msg_id))
    client.line.close()
    records = await agent.records(kernel, until=_ends_a_run)
    assert body_of(records[-1])["error"]["name"] == "KeyboardInterrupt"


TARGET = """
from comm import get_comm_manager
def opened(comm, message):
    @comm.on_msg
    def came(message):
        comm.send({"got": len(message["buffers"])}, buffers=[bytes(b) for b in message["buffers"]])
get_comm_manager().register_target("mirror", opened)
"""


async def test_buffers_go_both_ways(client: RelayClient) -> None:
    await client.run(TARGET)
    comm = {"comm_id": "c1", "target_name": "mirror", "data": {}}
    client.line.send(encoded(a_request("comm_open", comm)[1]))
    buffers = [b"\x00\xff" * 10, b"", b"two"]
    told = {"comm_id": "c1", "data": {}}
    client.line.send(encoded(a_request("comm_msg", told, buffers=buffers)[1]))
    answer = await client.until(of_type("comm_msg"))
    assert answer.content["data"] == {"got": 3}
    assert list(answer.buffers) == buffers


async def test_large_messages_pass_whole_in_both_directions(client: RelayClient) -> None:
    await client.run(TARGET)
    comm = {"comm_id": "c1", "target_name": "mirror", "data": {}}
    client.line.send(encoded(a_request("comm_open", comm)[1]))
    large = bytes(range(256)) * 80_000
    client.line.send(encoded(a_request("comm_msg", {**comm, "data": {}}, buffers=[large])[1]))
    answer = await client.until(of_type("comm_msg"))
    assert answer.buffers == (large,)
    msg_id = client.execute("print('x' * 20_000_000)")
    await client.end(msg_id)
    assert client.texts(msg_id) == "x" * 20_000_000 + "\n"


@pytest.mark.parametrize(
    "payload",
    [
        struct.pack("<3Q", 6, 1, 2),
        b"\xff" * 100,
        encoded(a_request("execute_request", channel="iopub")[1]),
        encoded(a_request("kernel_info_request", msg_id="")[1]),
    ],
    ids=["offsets", "noise", "iopub", "no id"],
)
async def test_a_malformed_message_is_answered_and_ends_nothing(
    client: RelayClient, payload: bytes
) -> None:
    client.line.send(payload)
    told = await client.until(of_type("stream"))
    assert "not understood" in told.content["text"]
    assert (await client.run("1")).content["status"] == "ok"


async def test_a_request_that_the_kernel_cannot_read_holds_nobody_up(client: RelayClient) -> None:
    msg_id, framed = a_request("execute_request", {"code": "7"}, version="nonsense")
    client.line.send(encoded(framed))
    assert (await client.end(msg_id)).content == {"status": "aborted"}
    assert (await client.run("1")).content["status"] == "ok"


async def test_of_one_session_the_newest_connection_is_served_and_others_of_that_name_too(
    agent: AgentProcess, kernel: str, client: RelayClient
) -> None:
    stranger = await RelayClient.join(agent, kernel, author="bob")
    again = await RelayClient.join(agent, kernel)
    with pytest.raises(Conflict):
        await client.until(lambda _: False)
    assert (await again.run("1")).content["status"] == "ok"
    assert (await stranger.run("2")).content["status"] == "ok"


async def test_a_kernel_that_dies_answers_what_it_ran_and_tells_that_it_is_dead(
    agent: AgentProcess, kernel: str, client: RelayClient
) -> None:
    msg_id = client.execute("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    reply = await client.end(msg_id)
    assert reply.content["ename"] == "KernelDied"
    assert "SIGKILL" in reply.content["evalue"]
    with pytest.raises(KernelEnded, match="SIGKILL"):
        await client.until(lambda _: False)
    states = [one.content["execution_state"] for one in client.heard if one.type == "status"]
    assert states.count("dead") == 1
    with pytest.raises(KernelEnded):
        await RelayClient.join(agent, kernel)


async def test_a_restart_is_told_and_what_is_asked_meanwhile_is_run_after_it(
    agent: AgentProcess, kernel: str, client: RelayClient
) -> None:
    await client.run("x = 1")
    await agent.done(link.Restart(kernel, 2, "ann wants it"))
    msg_id = client.execute("print('x' in globals())")
    await client.end(msg_id)
    assert client.texts(msg_id) == "False\n"
    states = [one.content["execution_state"] for one in client.heard if one.type == "status"]
    assert "restarting" in states
    assert [one.channel for one in client.heard if one.type == "kernel_restarted"] == [
        "control",
        "iopub",
    ]


async def test_who_joins_a_busy_kernel_is_told_so_at_once(
    agent: AgentProcess, kernel: str, client: RelayClient
) -> None:
    msg_id = client.execute("print('begun')\nwhile True: pass")
    await client.until(of_type("stream", msg_id))
    late = await RelayClient.join(agent, kernel, "late")
    told = await late.until(lambda _: True)
    assert (told.type, told.parent) == ("status", msg_id)
    assert told.content == {"execution_state": "busy"}


async def test_an_interrupt_on_the_control_channel_ends_the_run(
    agent: AgentProcess, kernel: str, client: RelayClient
) -> None:
    msg_id = client.execute("print('begun')\nwhile True: pass")
    await client.until(of_type("stream", msg_id))
    asked, framed = a_request("interrupt_request", channel="control")
    client.line.send(encoded(framed))
    reply = await client.end(msg_id)
    assert reply.content["ename"] == "KeyboardInterrupt"
    told = [one for one in client.heard if one.type == "interrupt_reply"]
    if not told:
        told = [await client.until(of_type("interrupt_reply", asked))]
    assert told[0].content["status"] == "ok"
    records = await agent.records(kernel, until=of_kind(RecordKind.KERNEL_INTERRUPTED))
    assert body_of(records[-1])["by"] == "ann"


async def test_a_client_that_does_not_read_delays_nobody_and_loses_nothing(
    agent: AgentProcess, kernel: str, client: RelayClient
) -> None:
    stuck = await RelayClient.join(agent, kernel, "stuck")
    msg_id = client.execute("for n in range(40): print('%04d' % n + 'x' * 1_000_000, flush=True)")
    await client.end(msg_id)
    assert len(client.texts(msg_id)) == 40 * 1_000_005
    late = client.execute("'late'")
    await client.end(late)
    await stuck.until(of_type("execute_result", late))
    assert stuck.texts(msg_id) == client.texts(msg_id)


async def test_a_kernel_that_never_comes_is_not_found(agent: AgentProcess, kernel: str) -> None:
    await agent.done(link.Forget(kernel))
    joining = asyncio.create_task(RelayClient.join(agent, kernel))
    async with asyncio.timeout(SECONDS):
        with pytest.raises(KernelNotFound):
            await joining


async def test_a_run_goes_on_when_the_agent_dies_and_ends_with_the_next_one(
    agent: AgentProcess, kernel: str, client: RelayClient
) -> None:
    msg_id = client.execute(
        "print('before'); x = input and 7\nimport time; time.sleep(1)\nprint('after')"
    )
    await client.until(of_type("stream", msg_id))
    agent.kill()
    await agent.start()
    again = await RelayClient.join(agent, kernel)
    records = await agent.records(kernel, until=_ends_a_run)
    assert body_of(records[-1])["state"] in ("succeeded", "lost")
    assert (await again.run("x")).content["status"] == "ok"
