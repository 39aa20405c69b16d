"""The largest request body."""

from __future__ import annotations

import json

import pytest

from kernelyard.doors._asgi.body_limit import BodyLimit

from tests.support.http_house import House, raw

LIMIT = 100_000
JSON = {"content-type": "application/json"}


async def test_an_announced_body_over_the_limit_is_not_read(house: House) -> None:
    headers = {**JSON, "content-length": str(LIMIT + 1)}
    status, answered, body = await raw(
        house.app, "/v1/kernels", method="POST", headers=headers, bodies=[]
    )
    told = json.loads(body)
    assert (status, told["code"]) == (413, "too_large")
    assert str(LIMIT) in told["detail"]
    assert answered["content-type"] == "application/problem+json"
    assert answered["connection"] == "close"


@pytest.mark.parametrize("length", ["9" * 50, str(10**19)])
async def test_an_absurd_length_is_over_the_limit(house: House, length: str) -> None:
    headers = {**JSON, "content-length": length}
    status, _, _ = await raw(house.app, "/v1/kernels", method="POST", headers=headers, bodies=[])
    assert status == 413


async def test_a_body_of_unannounced_length_is_cut_off_at_the_limit(house: House) -> None:
    pieces = [b" " * 40_000] * 5
    status, _, body = await raw(
        house.app, "/v1/kernels", method="POST", headers=JSON, bodies=pieces
    )
    assert (status, json.loads(body)["code"]) == (413, "too_large")


async def test_a_body_at_the_limit_is_taken(house: House) -> None:
    kernel = await house.kernel()
    frame = json.dumps({"code": ""})
    body = json.dumps({"code": "#" * (LIMIT - len(frame))})
    assert len(body) == LIMIT
    path = f"/v1/kernels/{kernel['id']}/tasks"
    await house.client.post(f"/v1/kernels/{kernel['id']}/terminate")
    answer = await house.client.post(path, content=body, headers=JSON)
    assert answer.json()["code"] == "kernel_ended"
    over = await house.client.post(path, content=body + " ", headers=JSON)
    assert over.status_code == 413


async def test_a_limit_of_zero_is_none(house: House) -> None:
    unlimited = BodyLimit(house.app, limit=0)
    status, _, _ = await raw(
        unlimited, "/v1/whoami", method="POST", headers=JSON, bodies=[b" " * 1000]
    )
    assert status == 405
