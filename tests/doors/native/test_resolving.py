"""Over HTTP: which image is for a notebook, and what becomes of images."""

from __future__ import annotations

import asyncio

import pytest

from kernelyard.model.images import FoundImage
from kernelyard.wire.link import BrokenProvider, SlowProvider

from tests.support.http_house import House

PYTHON = {"kernelspec": {"name": "python3"}, "language_info": {"name": "python", "version": "3.12"}}
DEEP: object = None
for _ in range(900):
    DEEP = [DEEP]
FRESH = FoundImage(
    provider="conda",
    name="fresh",
    display_name="Fresh",
    language="python",
    parameters={"type": "object", "properties": {"level": {"enum": ["low"]}}},
)


async def test_an_image_is_chosen_and_the_answer_says_why(house: House) -> None:
    answer = await house.client.post("/v1/resolve", json={"metadata": PYTHON})
    assert (answer.status_code, answer.json()) == (
        200,
        {
            "image": "python3",
            "how": "name",
            "because": "the notebook names it",
            "passed_over": [],
        },
    )


async def test_a_choice_is_remembered_until_it_is_forgotten(house: House) -> None:
    path = {"metadata": PYTHON, "path": "/a.ipynb"}
    steps = (
        ({"image": "conda/science", "remember": True}, "conda/science", "explicit"),
        ({}, "conda/science", "remembered"),
        ({"forget": True}, "python3", "name"),
        ({}, "python3", "name"),
    )
    for more, image, how in steps:
        told = (await house.client.post("/v1/resolve", json={**path, **more})).json()
        assert (told["image"], told["how"]) == (image, how)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"metadata": {"language_info": {"name": "cobol"}}}, 409, "no_image_fits"),
        ({"image": "none"}, 404, "image_not_found"),
        ({"image": "broken"}, 409, "image_not_ready"),
        ({"remember": True, "image": "python3"}, 400, "invalid"),
        ({"metadata": []}, 400, "invalid"),
        ({"metadata": {"kernelspec": DEEP}}, 400, "invalid"),
        ({"colour": "red"}, 400, "invalid"),
    ],
)
async def test_what_cannot_be_answered_is_a_problem(
    house: House, body: dict[str, object], status: int, code: str
) -> None:
    answer = await house.client.post("/v1/resolve", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_a_new_image_is_an_event_in_the_stream_and_on_pages(house: House) -> None:
    async with house.talk("/v1/events?about=images", {"accept": "text/event-stream"}) as talk:
        await house.client.get("/v1/images")
        await house.kernel()
        async with asyncio.timeout(10):
            while house.agent.asked_than != house.agent.version:
                await house.client.get("/v1/whoami")
        house.agent.find(*house.agent.images, FRESH)
        text = await talk.until("conda/fresh")
        assert "event: image\n" in text
        assert "event: kernel\n" not in text
    page = (await house.client.get("/v1/events?about=images")).json()
    (event,) = page["items"]
    assert (event["image"], event["state"], event["kernel_id"]) == ("conda/fresh", "found", None)
    everything = (await house.client.get("/v1/events")).json()
    assert event in everything["items"]
    assert len(everything["items"]) > 1
    kernel = (await house.client.get("/v1/kernels")).json()["items"][0]["id"]
    both = await house.client.get(f"/v1/events?about=images&kernel={kernel}")
    assert both.json()["code"] == "invalid"


async def test_slow_broken_and_hidden_are_told_beside_the_images(house: House) -> None:
    at = 1_750_000_000_000_000
    house.agent.broken = [BrokenProvider("a", "It failed.", at), BrokenProvider("b", "It hangs.")]
    house.agent.slow = [SlowProvider("c", at)]
    house.agent.hide("kernelspec/unsafe", "It may be anything.")
    listed = (await house.client.get("/v1/images")).json()
    when = "2025-06-15T15:06:40.000000Z"
    assert listed["broken"] == [
        {"provider": "a", "problem": "It failed.", "listed_at": when},
        {"provider": "b", "problem": "It hangs.", "listed_at": None},
    ]
    assert listed["slow"] == [{"provider": "c", "listed_at": when}]
    assert listed["hidden"] == [{"reference": "kernelspec/unsafe", "reason": "It may be anything."}]


async def test_a_kernel_is_made_with_parameters_for_a_notebook(house: House) -> None:
    house.agent.find(*house.agent.images, FRESH)
    image = (await house.client.get("/v1/images/conda/fresh")).json()
    assert image["parameters"] == FRESH.parameters
    order = {"image": "conda/fresh", "parameters": {"level": "low"}, "path": "/a.ipynb"}
    kernel = await house.kernel(**order)
    assert (kernel["parameters"], kernel["path"]) == ({"level": "low"}, "/a.ipynb")
    wrong = {**order, "parameters": {"colour": "red"}}
    answer = (await house.client.post("/v1/kernels", json=wrong)).json()
    assert (answer["code"], answer["field"]) == ("invalid", "parameters.colour")
