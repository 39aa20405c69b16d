"""Tokens over HTTP."""

from __future__ import annotations

import httpx


async def test_who_asks_is_told_who_he_is(client: httpx.AsyncClient) -> None:
    told = (await client.get("/v1/whoami")).json()
    assert told == {
        "name": "admin",
        "role": "admin",
        "scopes": ["read", "run", "manage", "admin"],
        "server": "1.2.3",
    }


async def test_a_token_is_told_once_and_opens_the_door_until_it_is_removed(
    client: httpx.AsyncClient,
) -> None:
    made = await client.post("/v1/tokens", json={"name": "ada"})
    assert made.status_code == 201
    text = made.json()["token"]
    for scheme in ("Bearer", "bearer", "token"):
        headers = {"Authorization": f"{scheme} {text}"}
        assert (await client.get("/v1/whoami", headers=headers)).json()["name"] == "ada"
    listed = await client.get("/v1/tokens")
    assert [token["name"] for token in listed.json()["items"]] == ["ada"]
    assert text not in listed.text
    assert (await client.delete(f"/v1/tokens/{made.json()['id']}")).status_code == 204
    refused = await client.get("/v1/whoami", headers={"Authorization": f"Bearer {text}"})
    assert refused.json()["code"] == "unauthenticated"


async def test_a_role_is_admin_or_user(client: httpx.AsyncClient) -> None:
    refused = (await client.post("/v1/tokens", json={"name": "x", "role": "king"})).json()
    assert refused["detail"] == "'role' must be one of 'admin' or 'user'."
