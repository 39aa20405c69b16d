"""A second user meets nothing of the first: every operation that the API describes is tried."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from kernelyard.doors._asgi.operations import Operation
from kernelyard.doors.native import door
from kernelyard.model.errors import KernelNotFound
from kernelyard.model.principals import Principal, Role

from tests.support.http_house import House

WORD = "swordfish"
"""In the name of everything that the first user has."""


@dataclass(frozen=True)
class Two:
    """A second user, and what he may not meet: paths are filled in with it."""

    second: httpx.AsyncClient
    first: httpx.AsyncClient
    names: dict[str, str]


OPERATIONS = [
    (method, operation.path)
    for router in door.routers()
    for operation in router.routes
    if isinstance(operation, Operation)
    for method in operation.methods or ()
    if operation.path != "/v1/kernels"
]


def holder(house: House, token: str) -> httpx.AsyncClient:
    """Somebody with a token."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(house.app),
        base_url="http://yard",
        headers={"Authorization": f"Bearer {token}"},
    )


async def a_token(house: House, name: str) -> dict[str, Any]:
    return dict((await house.client.post("/v1/tokens", json={"name": name})).json())


@pytest.fixture
async def two(house: House) -> Any:
    tokens = {name: await a_token(house, name) for name in (WORD, "second")}
    async with (
        holder(house, tokens[WORD]["token"]) as first,
        holder(house, tokens["second"]["token"]) as second,
    ):
        name = f"{WORD}-1"
        await first.post("/v1/templates", json={"name": name})
        order = {"image": "python3", "name": name, "template": name}
        kernel = (await first.post("/v1/kernels", json=order)).json()
        path = f"/v1/kernels/{kernel['id']}"
        await first.get(f"{path}?wait=ready&timeout=10")
        code = {"code": f"print:{WORD}"}
        task = (await first.post(f"{path}/run?wait=10", json=code)).json()["task"]
        pool = {"image": "python3", "template": name, "size": 1}
        assert (await first.put("/v1/pools", json=pool)).status_code == 200
        names = {
            "kernel_id": kernel["id"],
            "task_id": task["id"],
            "token_id": tokens[WORD]["id"],
            "user": WORD,
            "name": name,
            "template": name,
            "image": "python3",
            "file": "logo-64x64.png",
            "filename": "logo-64x64.png",
        }
        yield Two(second, first, names)


def body_of(document: dict[str, Any], method: str, path: str) -> Any:
    """A body that is in order, from the description of the API."""
    described = document["paths"][path][method.lower()].get("requestBody")
    if described is None:
        return None
    schema = described["content"]["application/json"]["schema"]
    if "$ref" not in schema:  # it may be left out
        return None
    name = schema["$ref"].rsplit("/", 1)[-1]
    return document["components"]["schemas"][name]["examples"][0]


async def the_firsts_are_as_they_were(two: Two) -> None:
    """His kernel runs, his task has succeeded, and the rest is there."""
    kernel = (await two.first.get(f"/v1/kernels/{two.names['kernel_id']}")).json()
    task = (await two.first.get(f"/v1/tasks/{two.names['task_id']}")).json()
    assert (kernel["state"], task["state"]) == ("idle", "succeeded")
    for kept in ("templates", "pools", "tokens"):
        assert WORD in (await two.first.get(f"/v1/{kept}")).text


async def test_nothing_of_the_first_is_told_or_touched(two: Two) -> None:
    document = (await two.second.get("/openapi.json")).json()
    for method, declared in OPERATIONS:
        path = declared.replace(":path", "")
        asked = path.format(**two.names)
        if asked == "/v1/pools" and method == "DELETE":
            asked += f"?image=python3&template={two.names['template']}"
        answer = await two.second.request(method, asked, json=body_of(document, method, path))
        where = (method, path, answer.status_code, answer.text)
        assert answer.status_code < 500, where
        if (
            not {"{kernel_id}", "{task_id}", "{token_id}"}.isdisjoint(path.split("/"))
            or path.startswith("/v1/templates/")
            or asked.startswith("/v1/pools?")
        ):
            assert answer.status_code == 404, where
        elif "{name}" not in path:
            assert WORD not in answer.text, where
            assert all(two.names[key] not in answer.text for key in ("kernel_id", "task_id"))
        await the_firsts_are_as_they_were(two)


async def test_nor_by_a_websocket_or_a_name(house: House, two: Two) -> None:
    second = Principal("second", Role.USER)
    with pytest.raises(KernelNotFound):
        async with house.yard.relays.open(second, two.names["kernel_id"], "session"):
            pass
    listed = (await two.second.get("/v1/kernels")).json()["items"]
    assert listed == []
    order = {"image": "python3", "name": two.names["name"], "get_or_create": True}
    made = (await two.second.post("/v1/kernels", json=order)).json()
    assert made["id"] != two.names["kernel_id"]
    borrowed = {"image": "python3", "template": two.names["template"]}
    refused = await two.second.post("/v1/kernels", json=borrowed)
    assert (refused.status_code, refused.json()["code"]) == (404, "template_not_found")
