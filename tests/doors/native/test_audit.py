"""The audit trail over HTTP."""

from __future__ import annotations

import httpx
import pytest

from tests.support.http_house import House


async def test_each_deed_is_told_with_address_and_token(house: House) -> None:
    made = (await house.client.post("/v1/tokens", json={"name": "ada"})).json()
    transport = httpx.ASGITransport(house.app, client=("192.0.2.7", 1))
    headers = {"Authorization": f"Bearer {made['token']}"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://yard", headers=headers
    ) as ada:
        kernel = (await ada.post("/v1/kernels", json={"image": "python3"})).json()
        path = f"/v1/kernels/{kernel['id']}"
        task = (await ada.post(f"{path}/run?wait=10", json={"code": "print:1"})).json()["task"]
    (ran,) = (await house.client.get("/v1/audit?action=task.run")).json()["items"]
    assert (ran["user"], ran["address"], ran["token_id"]) == ("ada", "192.0.2.7", made["id"])
    assert (ran["subject"], ran["details"]) == (task["id"], {"kernel": kernel["id"]})


async def test_it_comes_in_pages_and_narrowed(client: httpx.AsyncClient) -> None:
    for name in ("a", "b", "c"):
        await client.post("/v1/templates", json={"name": name})
    told: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        params = {"limit": "2", "cursor": cursor, "since": "2020-01-01"}
        page = (await client.get("/v1/audit", params=params)).json()
        told += [entry["subject"] for entry in page["items"]]
        cursor = page["next_cursor"]
    assert told == ["c", "b", "a"]
    for query in ("user=nobody", "subject=d", "since=2999-01-01T00:00:00Z", "action=task.run"):
        assert (await client.get(f"/v1/audit?{query}")).json()["items"] == []


@pytest.mark.parametrize("query", ["action=drink", "since=yesterday", "limit=0", "cursor=x"])
async def test_bad_questions_are_refused(client: httpx.AsyncClient, query: str) -> None:
    assert (await client.get(f"/v1/audit?{query}")).status_code == 400


async def test_it_is_for_administrators(client: httpx.AsyncClient) -> None:
    made = (await client.post("/v1/tokens", json={"name": "ada"})).json()
    headers = {"Authorization": f"Bearer {made['token']}"}
    for path in ("/v1/audit", "/v1/users"):
        assert (await client.get(path, headers=headers)).status_code == 403
