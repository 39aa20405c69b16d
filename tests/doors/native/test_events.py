"""Outputs as server-sent events."""

from __future__ import annotations

import json

import pytest

from tests.support.http_house import House


def events(text: str) -> list[dict[str, str]]:
    """Return the events of a stream, comments left out."""
    blocks = [block.splitlines() for block in text.split("\n\n")]
    return [
        dict(line.split(": ", 1) for line in block)
        for block in blocks
        if block and not block[0].startswith(":")
    ]


async def test_every_output_is_an_event_and_the_task_is_the_last_one(house: House) -> None:
    task = await house.run("print:one", "print:two")
    talk = house.talk(f"/v1/tasks/{task['id']}/outputs", {"accept": "text/event-stream"})
    told = events(await talk.rest())
    assert [event["event"] for event in told] == ["started", "stream", "stream", "ended", "task"]
    page = (await house.client.get(f"/v1/tasks/{task['id']}/outputs")).json()
    assert [json.loads(event["data"]) for event in told[:-1]] == page["items"]
    assert [int(event["id"]) for event in told[:-1]] == [o["number"] for o in page["items"]]
    assert "id" not in told[-1]
    assert json.loads(told[-1]["data"]) == task


async def test_outputs_come_while_the_code_runs(house: House) -> None:
    task = await house.submit(await house.kernel(), "print:early", "wait:go", "print:late")
    async with house.talk(f"/v1/tasks/{task['id']}/outputs?stream=true") as talk:
        assert "late" not in await talk.until("early")
        house.agent.gates.release("go")
        text = await talk.rest()
    assert '"text": "late' in text.replace('":"', '": "')
    assert json.loads(events(text)[-1]["data"])["state"] == "succeeded"


async def test_a_client_that_comes_back_sees_nothing_twice_and_misses_nothing(
    house: House,
) -> None:
    task = await house.submit(await house.kernel(), "lines:3", "wait:go", "lines:3")
    path = f"/v1/tasks/{task['id']}/outputs"
    async with house.talk(f"{path}?stream=true") as talk:
        before = events(await talk.until("line 2"))
    house.agent.gates.release("go")
    last = next(e["id"] for e in reversed(before) if "id" in e and "data" in e)
    async with house.talk(f"{path}?stream=true&after=0", {"last-event-id": last}) as talk:
        behind = events(await talk.rest())
    seen = [int(e["id"]) for e in before + behind if "id" in e]
    assert seen == list(range(seen[0], seen[0] + 8))


@pytest.mark.parametrize("offset", range(4))
async def test_any_number_can_be_continued_from(house: House, offset: int) -> None:
    task = await house.run("print:a", "print:b")
    first = (await house.client.get(f"/v1/tasks/{task['id']}/outputs")).json()["items"]
    after = first[offset]["number"]
    told = events(
        await house.talk(f"/v1/tasks/{task['id']}/outputs?stream=true&after={after}").rest()
    )
    assert [int(e["id"]) for e in told[:-1]] == [o["number"] for o in first[offset + 1 :]]
    assert told[-1]["event"] == "task"


async def test_a_client_that_hangs_up_ends_the_stream_at_once(house: House) -> None:
    task = await house.submit(await house.kernel(), "print:on", "hang")
    talk = house.talk(f"/v1/tasks/{task['id']}/outputs?stream=true")
    await talk.until("on")
    await talk.hang_up()
    assert not talk.ended
    assert (await house.client.get(f"/v1/tasks/{task['id']}")).json()["state"] == "running"


async def test_a_kernel_stream_ends_with_the_kernel(house: House) -> None:
    kernel = await house.kernel()
    async with house.talk(f"/v1/kernels/{kernel['id']}/outputs?stream=true") as talk:
        await talk.until("kernel_ready")
        await house.end(await house.submit(kernel, "print:1"))
        await house.client.post(f"/v1/kernels/{kernel['id']}/terminate")
        told = events(await talk.rest())
    assert told[-1]["event"] == "kernel"
    assert json.loads(told[-1]["data"])["state"] == "terminated"
    assert [int(e["id"]) for e in told[:-1]] == list(range(1, len(told)))


async def test_a_stream_whose_kernel_is_deleted_is_cut_without_its_closing_event(
    house: House,
) -> None:
    kernel = await house.kernel()
    task = await house.submit(kernel, "print:on", "hang")
    async with house.talk(f"/v1/tasks/{task['id']}/outputs?stream=true") as talk:
        await talk.until("on")
        await house.client.delete(f"/v1/kernels/{kernel['id']}")
        told = events(await talk.rest())
    assert "task" not in [event["event"] for event in told]


async def test_a_raw_line_end_in_a_body_does_not_break_the_framing(house: House) -> None:
    task = await house.run('raw:{"name":"stdout",\\r"text":"x"}')
    told = events(await house.talk(f"/v1/tasks/{task['id']}/outputs?stream=true").rest())
    assert json.loads(told[1]["data"])["content"] == {"name": "stdout", "text": "x"}


@pytest.mark.parametrize("last", ["x", "-1", "1.5", "٣"])
async def test_a_last_event_id_that_is_no_number_is_refused(house: House, last: str) -> None:
    task = await house.run("print:1")
    headers = {"Accept": "text/event-stream", "Last-Event-ID": last.encode()}
    refused = await house.client.get(f"/v1/tasks/{task['id']}/outputs", headers=headers)
    assert refused.status_code == 400
    assert refused.json()["field"] == "Last-Event-ID"


@pytest.mark.parametrize("query", ["after=99", "after=9223372036854775807"])
async def test_a_cursor_beyond_the_end_is_told_before_the_stream_begins(
    house: House, query: str
) -> None:
    task = await house.run("print:1")
    for stream in ("true", "false"):
        path = f"/v1/tasks/{task['id']}/outputs?stream={stream}&{query}"
        refused = await house.client.get(path)
        assert refused.status_code == 400
        assert refused.json()["code"] == "cursor_beyond_end"


async def test_nobody_buffers_or_keeps_a_stream(house: House) -> None:
    task = await house.run("print:1")
    answer = await house.client.get(f"/v1/tasks/{task['id']}/outputs?stream=true")
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-accel-buffering"] == "no"
