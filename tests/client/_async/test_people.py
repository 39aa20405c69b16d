"""Users, tokens and the audit trail, as the SDK asks for them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kernelyard.client import AsyncClient, LimitReachedError, RetryPolicy

from tests.support.flaky_server import Answer, FlakyServer, Reply, Request, flaky_server
from tests.support.yard_answers import refuse, say

MORNING = "2026-01-02T09:00:00.000000Z"
ADA = {"name": "ada", "kind": "user", "role": "user", "disabled": False, "created_at": MORNING}
TOKEN = {"id": "t", "name": "ci", "user": "ada", "role": "user", "scopes": ["read", "run"]}
DEED = {
    "at": MORNING,
    "user": "ada",
    "token_id": "t",
    "address": "192.0.2.7",
    "action": "task.run",
    "subject": "some-id",
    "details": {"kernel": "another-id"},
}


def a_client(server: FlakyServer) -> AsyncClient:
    """A client that does not try again."""
    return AsyncClient(server.url, "secret", retries=RetryPolicy(total=0))


def routes(table: dict[str, Reply]) -> Answer:
    """A server that answers each request of a table."""

    def answer(request: Request) -> Reply:
        return table[f"{request.method} {request.path}"]

    return answer


async def test_users_are_added_changed_and_removed() -> None:
    table = {
        "POST /v1/users": say(ADA, 201),
        "GET /v1/users": say({"items": [ADA], "next_cursor": None}),
        "GET /v1/users/ada": say(ADA),
        "PATCH /v1/users/ada": say({**ADA, "disabled": True}),
        "DELETE /v1/users/ada": Reply(status=204),
    }
    with flaky_server(routes(table)) as server:
        async with a_client(server) as yard:
            added = await yard.users.add("ada", kind="user", display_name="Ada")
            assert added == await yard.users.get("ada")
            assert [user.name async for user in yard.users.list()] == ["ada"]
            assert (await yard.users.update("ada", disabled=True)).disabled
            await yard.users.remove("ada")
        (changed,) = server.asked("PATCH", "/v1/users/ada")
        assert changed.json == {"disabled": True}


async def test_tokens_have_scopes_and_an_end() -> None:
    table = {
        "POST /v1/tokens": say({**TOKEN, "token": "ky_1"}, 201),
        "GET /v1/tokens": say({"items": [TOKEN], "next_cursor": None}),
    }
    with flaky_server(routes(table)) as server:
        async with a_client(server) as yard:
            made = await yard.tokens.create("ci", user="ada", scopes=("run",), expires_in="30d")
            assert (made.token, made.scopes) == ("ky_1", ["read", "run"])
            assert "ky_1" not in repr(made)
            assert [token.user async for token in yard.tokens.list(user="ada")] == ["ada"]
        (asked,) = server.asked("POST", "/v1/tokens")
        told = {"name": "ci", "user": "ada", "scopes": ["run"], "expires_in": "30d"}
        assert asked.json == told
        assert server.asked("GET", "/v1/tokens")[0].query["user"] == ["ada"]


async def test_the_audit_trail_is_narrowed() -> None:
    table = {"GET /v1/audit": say({"items": [DEED], "next_cursor": None})}
    since = datetime(2026, 1, 2, tzinfo=UTC)
    with flaky_server(routes(table)) as server:
        async with a_client(server) as yard:
            deeds = [
                (one.action, one.at.year) async for one in yard.audit.list(user="ada", since=since)
            ]
        query = server.asked("GET", "/v1/audit")[0].query
    assert deeds == [("task.run", 2026)]
    assert query == {"user": ["ada"], "since": ["2026-01-02T00:00:00+00:00"], "limit": ["100"]}


async def test_whoever_sent_too_many_wrong_tokens_is_told_so() -> None:
    refusal = refuse(429, "too_many_failures", "Wait a minute.")
    with flaky_server(lambda request: refusal) as server:
        async with a_client(server) as yard:
            with pytest.raises(LimitReachedError, match="Wait a minute"):
                await yard.whoami()
