"""The log of a kernel over HTTP."""

from __future__ import annotations

import pytest

from tests.support.http_house import House
from tests.support.scripted_agent import LOG


async def test_the_log_is_told_with_its_place(house: House) -> None:
    kernel = await house.kernel()
    told = await house.client.get(f"/v1/kernels/{kernel['id']}/logs")
    size = len(LOG)
    assert told.json() == {
        "text": LOG.decode(),
        "begin": 0,
        "end": size,
        "size": size,
        "kept_from": 0,
    }
    rest = await house.client.get(f"/v1/kernels/{kernel['id']}/logs?after=2&limit=7")
    assert (rest.json()["text"], rest.json()["end"]) == (LOG[2:9].decode(), 9)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("after=-1", "after"),
        ("after=x", "after"),
        ("after=99999999999999999999", "after"),
        ("limit=0", "limit"),
        ("limit=1048577", "limit"),
        ("limit=many", "limit"),
    ],
)
async def test_bad_parameters_are_named(house: House, query: str, field: str) -> None:
    kernel = await house.kernel()
    refused = await house.client.get(f"/v1/kernels/{kernel['id']}/logs?{query}")
    assert refused.status_code == 400
    assert refused.json()["field"] == field


async def test_the_log_of_an_unknown_kernel_is_not_found(house: House) -> None:
    for name in ("6f1c0de2-4a53-4c0f-9d1e-0f5a2b7c8d90", "nope"):
        missing = await house.client.get(f"/v1/kernels/{name}/logs")
        assert (missing.status_code, missing.json()["code"]) == (404, "kernel_not_found")
