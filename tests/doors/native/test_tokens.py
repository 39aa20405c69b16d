"""Tokens over HTTP."""

from __future__ import annotations

import asyncio

import httpx

from kernelyard.yard.failures import MOST

from tests.support.http_house import House


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


async def test_users_make_their_own_with_scopes_and_an_end(client: httpx.AsyncClient) -> None:
    ada = (await client.post("/v1/tokens", json={"name": "ada"})).json()["token"]
    mine = {"Authorization": f"Bearer {ada}"}
    order = {"name": "ci", "scopes": ["run"], "expires_in": "30d"}
    made = (await client.post("/v1/tokens", json=order, headers=mine)).json()
    assert (made["user"], made["name"], made["scopes"]) == ("ada", "ci", ["read", "run"])
    assert made["expires_at"] > made["created_at"]
    theirs = {"Authorization": f"Bearer {made['token']}"}
    refused = await client.post("/v1/kernels", json={"image": "python3"}, headers=theirs)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    assert "manage" in refused.json()["detail"]
    assert (await client.delete(f"/v1/tokens/{made['id']}", headers=mine)).status_code == 204
    assert (await client.get("/v1/whoami", headers=theirs)).status_code == 401


async def test_wrong_tokens_are_slowed_down_and_then_refused(
    client: httpx.AsyncClient, house: House
) -> None:
    other = httpx.ASGITransport(house.app, client=("192.0.2.7", 1))
    guesses = [{"Authorization": f"Bearer guess-{number}"} for number in range(MOST * 2)]
    async with httpx.AsyncClient(transport=other, base_url="http://yard") as stranger:
        answers = await asyncio.gather(
            *(stranger.get("/v1/whoami", headers=guess) for guess in guesses)
        )
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) > MOST // 2
    assert {answer.status_code for answer in answers} == {401, 429}
    assert refused[0].json()["code"] == "too_many_failures"
    assert int(refused[0].headers["retry-after"]) > 0
    assert (await client.get("/v1/whoami")).status_code == 200


async def test_a_disabled_user_is_refused_and_listed_as_such(client: httpx.AsyncClient) -> None:
    text = (await client.post("/v1/tokens", json={"name": "ada"})).json()["token"]
    headers = {"Authorization": f"Bearer {text}"}
    assert (await client.get("/v1/whoami", headers=headers)).status_code == 200
    changed = await client.patch("/v1/users/ada", json={"disabled": True})
    assert changed.json()["disabled"] is True
    assert (await client.get("/v1/whoami", headers=headers)).status_code == 401
    listed = (await client.get("/v1/users")).json()["items"]
    assert [(user["name"], user["disabled"]) for user in listed] == [
        ("ada", True),
        ("admin", False),
    ]
