"""What one of two servers says of users and tokens holds in the other."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.support.live_server import wait_until
from tests.support.postgres import running_server
from tests.support.two_servers import Member, two_servers

pytestmark = pytest.mark.journey


def status(server: Member, token: str) -> int:
    """How a server answers who comes with a token."""
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(server.url.rstrip("/") + "/v1/whoami", headers=headers).status_code


def test_tokens_are_good_and_worthless_in_both(tmp_path: Path) -> None:
    with running_server() as postgres, two_servers(tmp_path, postgres) as two:
        made = two.a.client().tokens.create("ada")
        form = {"grant_type": "refresh_token", "refresh_token": made.token, "client_id": "any"}
        traded = httpx.post(two.b.url.rstrip("/") + "/oidc/token", data=form).json()["access_token"]
        for server in (two.a, two.b):
            assert [status(server, token) for token in (made.token, traded)] == [200, 200]
        two.a.client().users.update("ada", disabled=True)
        for token in (made.token, traded):
            wait_until(lambda token=token: status(two.b, token) == 401)  # type: ignore[misc]
        two.b.client().users.update("ada", disabled=False)
        wait_until(lambda: status(two.a, made.token) == 200)
        two.b.client().tokens.delete(made.id)
        for token in (made.token, traded):
            wait_until(lambda token=token: status(two.a, token) == 401)  # type: ignore[misc]
        deeds = [deed.action for deed in two.a.client().audit.list(user="admin")]
        assert deeds == ["token.revoke", "user.update", "user.update", "token.create"]
