"""Kernels that somebody else has started, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.foreign_files import SECRET, connection_file
from tests.support.http_house import House


async def attached(house: House, **fields: object) -> dict[str, Any]:
    order = {"connection": connection_file(), **fields}
    made = await house.client.post("/v1/kernels/attach", json=order)
    assert made.status_code in (200, 201), made.text
    ready = await house.client.get(f"/v1/kernels/{made.json()['id']}?wait=ready&timeout=10")
    return {**ready.json(), "created": made.json()["created"]}


async def test_an_attached_kernel_is_shown_without_its_key(house: House) -> None:
    kernel = await attached(house, name="theirs", labels={"a": "b"})
    assert (kernel["created"], kernel["owned"], kernel["state"]) == (True, False, "idle")
    assert kernel["image"]["reference"] == "foreign/python3"
    assert SECRET not in str(kernel)
    again = await house.client.post("/v1/kernels/attach", json={"connection": connection_file()})
    assert (again.status_code, again.json()["id"]) == (200, kernel["id"])
    ours = await house.kernel()
    assert ours["owned"] is True


async def test_it_is_not_restarted_and_is_let_go_of(house: House) -> None:
    kernel = await attached(house)
    path = f"/v1/kernels/{kernel['id']}"
    refused = await house.client.post(f"{path}/restart")
    assert (refused.status_code, refused.json()["code"]) == (409, "kernel_not_owned")
    done = await house.client.post(f"{path}/terminate")
    assert (done.status_code, done.json()["reason"]) == (200, "detached by admin")
    assert house.agent.shut_down == []


async def test_it_is_shut_down_by_name(house: House) -> None:
    kernel = await attached(house)
    path = f"/v1/kernels/{kernel['id']}/terminate"
    done = await house.client.post(path, json={"shut_down": True})
    assert done.json()["reason"] == "shut down by admin"
    await house.client.get(f"/v1/kernels/{kernel['id']}?wait=ended&timeout=10")
    assert house.agent.shut_down == [kernel["id"]]


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({}, "connection"),
        ({"connection": "/etc/passwd"}, "connection"),
        ({"connection": {}}, "connection"),
        ({"connection": connection_file(shell_port="many")}, "connection"),
        ({"connection": connection_file(transport="carrier pigeon")}, "connection"),
        ({"connection": connection_file(), "pid": -5}, "pid"),
        ({"connection": connection_file(), "interrupt_by": "shouting"}, "interrupt_by"),
        ({"connection": connection_file(), "image": "python3"}, "image"),
    ],
)
async def test_what_cannot_be_attached_is_refused_and_tells_no_key(
    house: House, order: dict[str, object], field: str
) -> None:
    refused = await house.client.post("/v1/kernels/attach", json=order)
    assert (refused.status_code, refused.json()["field"]) == (400, field)
    assert SECRET not in refused.text
    assert house.agent.deposits == {}


async def test_attaching_is_safe_to_send_again(house: House) -> None:
    order = {"connection": connection_file()}
    key = {"Idempotency-Key": "once"}
    first = await house.client.post("/v1/kernels/attach", json=order, headers=key)
    await house.client.post(f"/v1/kernels/{first.json()['id']}/terminate")
    again = await house.client.post("/v1/kernels/attach", json=order, headers=key)
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
