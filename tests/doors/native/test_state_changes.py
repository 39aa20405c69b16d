"""State changes of kernels and tasks over HTTP: pages, and a stream that has no end."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.support.http_house import House

PATH = "/v1/events"
STREAM = {"accept": "text/event-stream"}


def events(text: str) -> list[dict[str, Any]]:
    """The whole events of a stream: id, name and data of each."""
    blocks = [block.splitlines() for block in text.split("\n\n")[:-1]]
    told = [dict(line.split(": ", 1) for line in lines) for lines in blocks if lines[0][0] != ":"]
    return [
        {"id": int(one["id"]), "event": one["event"], "data": json.loads(one["data"])}
        for one in told
    ]


async def page(house: House, query: str = "") -> dict[str, Any]:
    answer = await house.client.get(f"{PATH}?{query}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def test_a_page_tells_who_changed_to_what_and_why(house: House) -> None:
    kernel = await house.kernel()
    task = await house.end(await house.submit(kernel, "print:1"))
    told = await page(house)
    steps = [(one["task_id"], one["state"]) for one in told["items"]]
    assert [state for of, state in steps if of is None] == ["starting", "idle"]
    assert [state for of, state in steps if of == task["id"]] == ["queued", "running", "succeeded"]
    assert {one["kernel_id"] for one in told["items"]} == {kernel["id"]}
    assert told["last"] == told["newest"] == told["items"][-1]["number"]
    last = told["items"][-1]
    assert (last["at"], last["reason"]) == (task["ended_at"], None)


async def test_pages_are_continued_with_the_last_number(house: House) -> None:
    await house.run("print:1")
    whole = (await page(house))["items"]
    after, paged = 0, list[dict[str, Any]]()
    while (part := await page(house, f"after={after}&limit=2"))["items"]:
        paged += part["items"]
        after = part["last"]
    assert paged == whole


async def test_a_stream_has_each_change_as_an_event_and_goes_on(house: House) -> None:
    kernel = await house.kernel()
    async with house.talk(PATH, STREAM) as talk:
        await talk.until('"state":"idle"')
        task = await house.end(await house.submit(kernel, "raise:Oops"))
        told = events(await talk.until('"state":"failed"'))
        assert not talk.ended
    assert [one["data"] for one in told] == (await page(house))["items"]
    assert [one["id"] for one in told] == [one["data"]["number"] for one in told]
    names = {one["event"]: one["data"]["task_id"] for one in told}
    assert names == {"kernel": None, "task": task["id"]}


async def test_a_client_that_comes_back_sees_nothing_twice_and_misses_nothing(
    house: House,
) -> None:
    kernel = await house.kernel()
    async with house.talk(PATH, STREAM) as talk:
        before = events(await talk.until('"state":"idle"'))
    for _ in range(3):
        await house.end(await house.submit(kernel, "print:1"))
    last = str(before[-1]["id"])
    async with house.talk(f"{PATH}?stream=true&after=0", {"last-event-id": last}) as talk:
        while len(behind := events(await talk.until("\n\n"))) < 9:
            await talk.until(f'"number":{before[-1]["id"] + len(behind) + 1},')
    assert [one["data"] for one in before + behind] == (await page(house))["items"]


@pytest.mark.parametrize("offset", range(4))
async def test_any_number_can_be_continued_from(house: House, offset: int) -> None:
    await house.run("print:1")
    whole = (await page(house))["items"]
    after = whole[offset]["number"]
    assert (await page(house, f"after={after}"))["items"] == whole[offset + 1 :]
    async with house.talk(f"{PATH}?stream=true&after={after}") as talk:
        told = events(await talk.until('"state":"succeeded"'))
    assert [one["data"] for one in told] == whole[offset + 1 :]


async def test_one_kernel_can_be_asked_for(house: House) -> None:
    first, second = await house.kernel(), await house.kernel()
    told = await page(house, f"kernel={second['id']}")
    assert {one["kernel_id"] for one in told["items"]} == {second["id"]}
    async with house.talk(f"{PATH}?kernel={first['id']}", STREAM) as talk:
        seen = events(await talk.until('"state":"idle"'))
        assert {one["data"]["kernel_id"] for one in seen} == {first["id"]}
        await house.client.delete(f"/v1/kernels/{first['id']}")
        await talk.rest()
    for query in (f"kernel={first['id']}", "kernel=../etc", "kernel=%00", "kernel="):
        refused = await house.client.get(f"{PATH}?{query}")
        assert (refused.status_code, refused.json()["code"]) == (404, "kernel_not_found")


async def test_a_user_sees_nothing_of_others(house: House) -> None:
    made = (await house.client.post("/v1/tokens", json={"name": "ada"})).json()
    await house.kernel()
    headers = {"authorization": f"Bearer {made['token']}"}
    answer = await house.client.get(PATH, headers=headers)
    assert answer.json()["items"] == []


async def test_a_stream_does_not_outlive_its_token(house: House) -> None:
    made = (await house.client.post("/v1/tokens", json={"name": "ada", "role": "admin"})).json()
    headers = {**STREAM, "authorization": f"Bearer {made['token']}"}
    async with house.talk(PATH, headers) as talk:
        await house.kernel()
        await talk.until('"state":"idle"')
        await house.client.delete(f"/v1/tokens/{made['id']}")
        await house.kernel()
        await talk.rest()


@pytest.mark.parametrize(
    ("query", "headers", "code"),
    [
        ("after=9999", {}, "cursor_beyond_end"),
        ("after=9999", STREAM, "cursor_beyond_end"),
        ("", {**STREAM, "Last-Event-ID": "9" * 40}, "cursor_beyond_end"),
        ("", {**STREAM, "Last-Event-ID": "x"}, "invalid"),
        ("after=-1", {}, "invalid"),
        ("limit=0", {}, "invalid"),
        ("limit=1000000", {}, "invalid"),
    ],
)
async def test_a_bad_cursor_is_refused_before_anything_is_sent(
    client: httpx.AsyncClient, query: str, headers: dict[str, str], code: str
) -> None:
    refused = await client.get(f"{PATH}?{query}", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (400, code)


async def test_a_client_that_hangs_up_ends_the_stream_at_once(house: House) -> None:
    await house.kernel()
    talk = house.talk(PATH, STREAM)
    await talk.until('"state":"idle"')
    await talk.hang_up()
    assert not talk.ended
