"""How to join a kernel, over HTTP: told to who may, kept by nobody on the way."""

from __future__ import annotations

from tests.support.http_house import House
from tests.support.scripted_agent import CONNECTION


async def test_the_answer_is_a_connection_file_that_no_cache_keeps(house: House) -> None:
    kernel = await house.kernel()
    path = f"/v1/kernels/{kernel['id']}/connection"
    told = await house.client.post(path)
    assert told.status_code == 200
    assert told.headers["cache-control"] == "no-store"
    info = told.json()
    assert info["kernel_id"] == kernel["id"]
    assert (info["transport"], info["ip"], info["key"]) == ("tcp", "127.0.0.1", CONNECTION.key)
    assert info["hb_port"] == CONNECTION.hb_port
    assert (await house.client.post(path)).json() == info
    closed = await house.client.delete(path)
    assert (closed.status_code, house.agent.bridged) == (204, set())


async def test_without_a_token_nobody_learns_it(house: House) -> None:
    kernel = await house.kernel()
    path = f"/v1/kernels/{kernel['id']}/connection"
    refused = await house.client.post(path, headers={"Authorization": "Bearer nonsense"})
    assert (refused.status_code, refused.json()["code"]) == (401, "unauthenticated")
    assert house.agent.bridged == set()


async def test_an_unknown_or_ended_kernel_is_told_as_such(house: House) -> None:
    missing = await house.client.post("/v1/kernels/6f1c0de2-4a53-4c0f-9d1e-0f5a2b7c8d90/connection")
    assert (missing.status_code, missing.json()["code"]) == (404, "kernel_not_found")
    kernel = await house.kernel()
    await house.client.post(f"/v1/kernels/{kernel['id']}/terminate")
    await house.client.get(f"/v1/kernels/{kernel['id']}?wait=ended&timeout=10")
    ended = await house.client.post(f"/v1/kernels/{kernel['id']}/connection")
    assert (ended.status_code, ended.json()["code"]) == (409, "kernel_ended")
