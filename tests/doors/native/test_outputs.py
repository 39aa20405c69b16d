"""Outputs in pages and as a whole."""

from __future__ import annotations

import json

from tests.support.http_house import House


async def test_a_page_holds_outputs_with_number_time_kind_and_content(house: House) -> None:
    task = await house.run("print:hello", "display:42")
    page = (await house.client.get(f"/v1/tasks/{task['id']}/outputs")).json()
    assert [item["kind"] for item in page["items"]] == [
        "started",
        "stream",
        "display_data",
        "ended",
    ]
    assert page["items"][1]["content"] == {"name": "stdout", "text": "hello\n"}
    assert {item["task"] for item in page["items"]} == {1}
    assert page["items"][1]["at"] > "2026-01-01T00:00:00.000000Z"
    assert page["complete"] is True
    assert page["last"] == page["items"][-1]["number"]


async def test_pages_continue_after_the_last_number_and_miss_nothing(house: House) -> None:
    task = await house.run("lines:25")
    after, texts, pages = 0, [], 0
    while True:
        path = f"/v1/tasks/{task['id']}/outputs?after={after}&limit=7"
        page = (await house.client.get(path)).json()
        texts += [item["content"].get("text") for item in page["items"]]
        after, pages = page["last"], pages + 1
        if page["complete"]:
            break
    assert [text for text in texts if text] == [f"line {n}\n" for n in range(25)]
    assert pages == 4


async def test_a_running_task_is_readable_and_not_complete(house: House) -> None:
    task = await house.submit(await house.kernel(), "print:so far", "hang")
    path = f"/v1/tasks/{task['id']}/outputs"
    async with house.talk(f"{path}?stream=true") as talk:
        await talk.until("so far")
    page = (await house.client.get(path)).json()
    assert page["complete"] is False
    empty = (await house.client.get(f"{path}?after={page['last']}")).json()
    assert empty == {"items": [], "last": page["last"], "complete": False}


async def test_a_queued_task_has_an_empty_page(house: House) -> None:
    made = (await house.client.post("/v1/kernels", json={"image": "slow"})).json()
    task = await house.submit(made, "print:1")
    page = (await house.client.get(f"/v1/tasks/{task['id']}/outputs")).json()
    assert page == {"items": [], "last": 0, "complete": False}


async def test_a_kernel_journal_tells_everything_in_order(house: House) -> None:
    kernel = await house.kernel()
    await house.end(await house.submit(kernel, "print:1"))
    await house.client.post(f"/v1/kernels/{kernel['id']}/terminate")
    await house.client.get(f"/v1/kernels/{kernel['id']}?wait=ended")
    page = (await house.client.get(f"/v1/kernels/{kernel['id']}/outputs")).json()
    assert [item["number"] for item in page["items"]] == list(range(1, len(page["items"]) + 1))
    assert [item["kind"] for item in page["items"]] == [
        "kernel_launched",
        "kernel_ready",
        "started",
        "stream",
        "ended",
        "kernel_stopping",
        "kernel_ended",
    ]
    assert page["complete"] is True


async def test_the_kernels_own_bytes_are_passed_on_unchanged(house: House) -> None:
    body = '{"name": "stdout","text":"\\u00e9 \\ud83d",  "n": 1.50e3}'
    task = await house.run(f"raw:{body}")
    answer = await house.client.get(f"/v1/tasks/{task['id']}/outputs")
    assert f'"content":{body}}}'.encode() in answer.content


async def test_half_a_surrogate_pair_survives_as_json_and_is_replaced_in_plain_text(
    house: House,
) -> None:
    task = await house.run('raw:{"name":"stdout","text":"a\\ud83d"}')
    result = await house.client.get(f"/v1/tasks/{task['id']}/result")
    assert json.loads(result.content)["stdout"] == "a\ud83d"
    assert (await house.client.get(f"/v1/tasks/{task['id']}/stdout")).content == b"a?"


async def test_a_large_page_arrives_whole(house: House) -> None:
    task = await house.run("bytes:700000", "bytes:300000")
    page = (await house.client.get(f"/v1/tasks/{task['id']}/outputs")).json()
    assert [len(item["content"].get("text", "")) for item in page["items"]] == [
        0,
        700_000,
        300_000,
        0,
    ]
    text = (await house.client.get(f"/v1/tasks/{task['id']}/stdout")).text
    assert text == "x" * 1_000_000


async def test_what_was_cut_is_told(house: House) -> None:
    task = await house.run("print:kept", "cut:12345")
    page = (await house.client.get(f"/v1/tasks/{task['id']}/outputs")).json()
    assert {"bytes": 12345, "messages": 1} in [item["content"] for item in page["items"]]
    result = (await house.client.get(f"/v1/tasks/{task['id']}/result")).json()
    assert result["cut_bytes"] == 12345
