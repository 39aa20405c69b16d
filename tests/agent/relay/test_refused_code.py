"""What the kernel runs is what the journal says: code that cannot be read for certain is refused."""

from __future__ import annotations

import msgspec

from kernelyard.links.relay import RelayLine
from kernelyard.model.projection import body_of
from kernelyard.model.records import Record, RecordKind
from kernelyard.model.tasks import FIRST_CLIENT_SEQ
from kernelyard.wire.relaying import Relay
from kernelyard.wire.websocket import Framed

from tests.support.agent_process import AgentProcess
from tests.support.kernel_messages import a_request, an_execution, encoded
from tests.support.relay_client import RelayClient

MOST = 50
MARK = b"print('run')"
DEEP = b"[" * 100_000 + b"]" * 100_000


def with_content(framed: Framed, content: bytes) -> bytes:
    """The message with bytes of which it is not known whether they are JSON."""
    parts = msgspec.structs.replace(framed.parts, content=content)
    return encoded(Framed(framed.channel, parts))


def _ends_a_run(record: Record) -> bool:
    return record.kind is RecordKind.ENDED and record.seq > FIRST_CLIENT_SEQ


async def test_nothing_is_run_that_would_stand_otherwise_in_the_journal(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch()
    wanted = Relay(kernel, "ann", "s", largest_code=MOST)
    client = RelayClient(await RelayLine.open(str(agent.described()["socket"]), wanted))
    for content in (
        b'{"code": "%s", "x": "\\ud800"}' % MARK,
        b'{"code": "%s # \\ud800"}' % MARK,
        b'{"code": "%s", "x": NaN}' % MARK,
        b'{"code": "%s", "stop_on_error": false, "x": %s}' % (MARK, DEEP),
        b'{"code": "%s%s"}' % (MARK, b" " * MOST),
        b'{"code": 7}',
    ):
        msg_id, framed = an_execution("")
        client.line.send(with_content(framed, content))
        reply = await client.end(msg_id)
        assert (reply.content["status"], reply.content["ename"]) == ("error", "RequestRefused")
    msg_id, framed = a_request("execute_request", {"code": MARK.decode()}, channel="control")
    client.line.send(encoded(framed))
    reply = await client.until(lambda said: said.parent == msg_id)
    assert (reply.channel, reply.type) == ("control", "execute_reply")
    assert reply.content["ename"] == "RequestRefused"
    msg_id, framed = an_execution("")
    client.line.send(with_content(framed, b'{"code": "1", "code": "print(\'known\')"}'))
    await client.end(msg_id)
    assert client.texts() == "known\n"
    records = await agent.records(kernel, until=_ends_a_run)
    starts = [body_of(one)["asked"] for one in records if one.kind is RecordKind.STARTED]
    assert [asked["code"] for asked in starts] == ["print('known')"]
    client.line.close()


async def test_a_message_that_is_nested_too_deep_ends_nothing(agent: AgentProcess) -> None:
    client = await RelayClient.join(agent, await agent.launch())
    _, framed = a_request("shutdown_request", channel="control")
    header = framed.parts.header[:-1] + b', "x": ' + DEEP + b"}"
    parts = msgspec.structs.replace(framed.parts, header=header)
    client.line.send(encoded(Framed("control", parts)))
    told = await client.until(lambda said: said.type == "stream")
    assert "not understood" in told.content["text"]
    assert (await client.run("1")).content["status"] == "ok"
    client.line.close()


async def test_code_for_a_subshell_that_is_not_there_is_a_run_like_any_other(
    agent: AgentProcess,
) -> None:
    kernel = await agent.launch()
    client = await RelayClient.join(agent, kernel)
    await client.run("1")
    asked, framed = a_request("create_subshell_request", channel="control")
    client.line.send(encoded(framed))
    made = await client.until(lambda said: said.parent == asked and said.channel == "control")
    for subshell in (made.content["subshell_id"], "made up"):
        content = {"code": f"print({subshell!r})"}
        msg_id, framed = a_request("execute_request", content, subshell_id=subshell)
        client.line.send(encoded(framed))
        await client.end(msg_id)
    records = await agent.records(kernel, until=lambda one: b"made up" in one.body)
    starts = [body_of(one)["asked"] for one in records if one.kind is RecordKind.STARTED]
    assert [asked["code"] for asked in starts] == ["1", "print('made up')"]
    client.line.close()
