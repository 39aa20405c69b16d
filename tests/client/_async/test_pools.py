"""Pools: what each call sends, and what comes back."""

from __future__ import annotations

from kernelyard.client import AsyncClient, RetryPolicy

from tests.support.flaky_server import Reply, Request, flaky_server
from tests.support.yard_answers import say

POOL = {
    "owner": None,
    "image": "conda/science",
    "reference": "conda/science",
    "template": "small",
    "size": 4,
    "min": 2,
    "max": 8,
    "target": 4,
    "ready": 3,
    "starting": 1,
    "claimed": 7,
    "missed": 1,
    "reason": "No memory.",
    "declared": False,
    "created_at": "2026-01-01T08:00:00.000000Z",
    "updated_at": "2026-01-01T08:00:00.000000Z",
}


def answer(request: Request) -> Reply:
    """A server with one pool."""
    if request.method == "DELETE":
        return Reply(b"", status=204, headers={})
    return say(POOL if request.method == "PUT" else {"items": [POOL], "next_cursor": None})


async def test_a_pool_is_set_listed_and_removed() -> None:
    with flaky_server(answer) as server:
        retries = RetryPolicy(first_delay=0.001)
        async with AsyncClient(server.url, "secret", retries=retries) as yard:
            kept = await yard.pools.set("conda/science", template="small", size=4, least=2, most=8)
            listed = [pool.reason async for pool in yard.pools.list()]
            await yard.pools.remove("conda/science", template="small", owner="ada")
        put, _, delete = server.requests
    assert listed == [kept.reason]
    assert (kept.ready, kept.starting, kept.reason) == (3, 1, "No memory.")
    assert (put.method, put.path, put.json) == (
        "PUT",
        "/v1/pools",
        {"image": "conda/science", "template": "small", "size": 4, "min": 2, "max": 8},
    )
    assert (delete.path, delete.query) == (
        "/v1/pools",
        {"image": ["conda/science"], "template": ["small"], "owner": ["ada"]},
    )
