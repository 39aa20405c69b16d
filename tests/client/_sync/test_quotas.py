# Generated from tests/client/_async/test_quotas.py by tools/generate_sync.py: do not edit.
# ruff: noqa: RUF100, SIM117, UP028
"""Quotas: what each call sends, and what comes back."""

from __future__ import annotations

from kernelyard.client import Amount, Client, RetryPolicy

from tests.support.flaky_server import Reply, Request, flaky_server
from tests.support.yard_answers import say

AMOUNT = {"used": 1.5, "limit": 4}
SHARE = {
    **dict.fromkeys(("kernels", "cpu", "memory", "gpu", "queued_tasks", "stored_bytes"), AMOUNT),
    "waiting": 2,
}
QUOTA = {"user": "ada", **SHARE, "said": ["cpu"], "updated_at": "2026-01-01T08:00:00.000000Z"}


def answer(request: Request) -> Reply:
    """A server with one quota."""
    if request.method == "DELETE":
        return Reply(b"", status=204, headers={})
    if request.path == "/v1/quotas":
        return say({"server": SHARE, "items": [QUOTA], "next_cursor": None})
    return say(QUOTA)


def test_a_quota_is_seen_set_listed_and_reset() -> None:
    with flaky_server(answer) as server:
        retries = RetryPolicy(first_delay=0.001)
        with Client(server.url, "secret", retries=retries) as yard:
            mine = yard.quotas.get()
            assert (mine.user, mine.cpu, mine.waiting) == ("ada", Amount(used=1.5, limit=4), 2)
            kept = yard.quotas.set("ada@example.org", kernels=4, memory="1GiB", gpu=0)
            assert kept.said == ("cpu",)
            listed = yard.quotas.list()
            assert (listed.server.user, [one.user for one in listed.items]) == ("", ["ada"])
            yard.quotas.reset("ada")
        asked = [(one.method, one.path) for one in server.requests]
        assert asked == [
            ("GET", "/v1/quotas/me"),
            ("PUT", "/v1/quotas/ada@example.org"),
            ("GET", "/v1/quotas"),
            ("DELETE", "/v1/quotas/ada"),
        ]
        assert server.requests[1].json == {"kernels": 4, "memory": "1GiB", "gpu": 0}
