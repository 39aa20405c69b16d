"""Pools over HTTP."""

from __future__ import annotations

import asyncio

from tests.support.http_house import House


async def token_of(house: House, name: str) -> dict[str, str]:
    """The headers of a user."""
    made = await house.client.post("/v1/tokens", json={"name": name})
    return {"Authorization": f"Bearer {made.json()['token']}"}


async def ready(house: House, count: int) -> dict[str, object]:
    """The only pool, once so many are ready."""
    async with asyncio.timeout(10):
        while True:
            (pool,) = (await house.client.get("/v1/pools")).json()["items"]
            if (pool["ready"], pool["starting"]) == (count, 0):
                return dict(pool)
            await asyncio.sleep(0)


async def test_a_pool_is_set_filled_used_and_removed(house: House) -> None:
    made = await house.client.put("/v1/pools", json={"image": "python3", "size": 2, "max": 4})
    assert made.status_code == 200, made.text
    told = made.json()
    assert (told["owner"], told["reference"], told["template"]) == (
        None,
        "kernelspec/python3",
        "default",
    )
    assert (told["size"], told["min"], told["max"]) == (2, 2, 4)
    await ready(house, 2)
    kernel = (await house.client.post("/v1/kernels", json={"image": "python3"})).json()
    assert (kernel["state"], kernel["created"]) == ("idle", True)
    pool = await ready(house, 2)
    assert (pool["claimed"], pool["missed"], pool["reason"]) == (1, 0, None)
    gone = await house.client.delete("/v1/pools?image=python3")
    assert gone.status_code == 204
    assert (await house.client.get("/v1/pools")).json()["items"] == []


async def test_a_user_sets_pools_for_himself_and_sees_those_for_everybody(house: House) -> None:
    ann, ben = await token_of(house, "ann"), await token_of(house, "ben")
    body = {"image": "python3", "size": 1}
    mine = await house.client.put("/v1/pools", json=body, headers=ann)
    assert mine.json()["owner"] == "ann"
    await house.client.put("/v1/pools", json={**body, "image": "conda/science"})
    seen = (await house.client.get("/v1/pools", headers=ben)).json()["items"]
    assert [one["image"] for one in seen] == ["conda/science"]
    path = "/v1/pools?image=conda/science&owner="
    refused = await house.client.delete(path, headers=ben)
    assert (refused.status_code, refused.json()["code"]) == (404, "pool_not_found")
    assert (await house.client.delete("/v1/pools?image=python3&owner=ann")).status_code == 204


async def test_what_cannot_be_kept_ready_is_refused(house: House) -> None:
    for body, code in (
        ({"image": "nothing"}, "image_not_found"),
        ({"image": "python3", "template": "nothing"}, "template_not_found"),
        ({"image": "python3", "size": -1}, "invalid"),
        ({"image": "python3", "size": 2, "max": 1}, "invalid"),
        ({"image": "python3", "size": "two"}, "invalid"),
        ({"image": "broken"}, "image_not_ready"),
    ):
        refused = await house.client.put("/v1/pools", json=body)
        assert refused.json()["code"] == code, body
