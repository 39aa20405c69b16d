"""What is used can be seen, limits can be set, and a kernel that waits says for what."""

from __future__ import annotations

import pytest

from tests.support.http_house import House

QUOTAS = "/v1/quotas"


async def test_a_quota_is_set_seen_and_reset(house: House) -> None:
    said = {"kernels": 4, "cpu": 2.5, "memory": "1GiB", "stored_bytes": 0}
    kept = await house.client.put(f"{QUOTAS}/ada@example.org", json=said)
    assert kept.status_code == 200, kept.text
    body = kept.json()
    assert body["said"] == ["cpu", "kernels", "memory", "stored_bytes"]
    assert body["cpu"] == {"used": 0, "limit": 2.5}
    assert body["memory"] == {"used": 0, "limit": 1024**3}
    assert body["stored_bytes"]["limit"] is None
    listed = (await house.client.get(QUOTAS)).json()
    assert [one["user"] for one in listed["items"]] == ["ada@example.org"]
    assert listed["server"]["kernels"] == {"used": 0, "limit": None}
    assert (await house.client.delete(f"{QUOTAS}/ada@example.org")).status_code == 204
    assert (await house.client.delete(f"{QUOTAS}/ada@example.org")).status_code == 404


async def test_one_that_waits_says_for_what(house: House) -> None:
    await house.client.put(f"{QUOTAS}/admin", json={"kernels": 1})
    await house.kernel()
    order = {"image": "python3", "priority": 3}
    waiting = (await house.client.post("/v1/kernels", json=order)).json()
    assert (waiting["state"], waiting["priority"]) == ("starting", 3)
    assert waiting["reason"] == "waiting for 1 kernel; 1 of your 1 in use"
    mine = (await house.client.get(f"{QUOTAS}/me")).json()
    assert (mine["user"], mine["kernels"], mine["waiting"]) == (
        "admin",
        {"used": 1, "limit": 1},
        1,
    )


async def test_what_can_never_fit_is_a_conflict(house: House) -> None:
    await house.client.put(f"{QUOTAS}/admin", json={"gpu": 1})
    await house.client.post("/v1/templates", json={"name": "big", "gpu": 2})
    refused = await house.client.post("/v1/kernels", json={"image": "python3", "template": "big"})
    assert (refused.status_code, refused.json()["code"]) == (409, "never_fits")


@pytest.mark.parametrize(
    "body",
    [
        {"kernels": -1},
        {"kernels": "many"},
        {"kernels": 2**60},
        {"cpu": -0.5},
        {"memory": "much"},
        {"memory": -1},
        {"disk": 1},
    ],
)
async def test_limits_that_make_no_sense_are_refused(house: House, body: dict[str, object]) -> None:
    refused = await house.client.put(f"{QUOTAS}/ada", json=body)
    assert refused.status_code == 400, refused.text
