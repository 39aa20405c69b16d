"""Users of a real server: what they may do, what is told of it, and that no token reaches a log."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from kernelyard import Client
from kernelyard.client import AuthenticationError, PermissionDeniedError

from tests.support.live_server import LiveServer, wait_until

pytestmark = pytest.mark.journey
NOBODYS = "00000000-0000-0000-0000-000000000007"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[LiveServer]:
    with LiveServer(tmp_path / "data", "--log-level", "debug") as server:
        yield server


def test_a_user_is_given_access_and_loses_it_and_all_of_that_is_told(server: LiveServer) -> None:
    with server.client() as admin:
        admin.users.add("ci", kind="service", display_name="The build machine")
        made = admin.tokens.create("runner", user="ci", scopes=["run", "manage"], expires_in="1h")
        with Client(url=server.url, token=made.token) as ci:
            assert ci.whoami().scopes == ["read", "run", "manage"]
            kernel = ci.kernels.create(image="python3")
            assert kernel.run("print(6 * 7)").text == "42\n"
            with pytest.raises(PermissionDeniedError):
                list(ci.users.list())
            admin.users.update("ci", disabled=True)
            with pytest.raises(AuthenticationError, match="disabled"):
                ci.whoami()
        admin.kernels.get(kernel.id).delete()
        wait_until(lambda: _is_removed(admin, "ci"))
        told = [(deed.action, deed.user) for deed in admin.audit.list()][::-1]
        ran = next(admin.audit.list(user="ci", action="task.run"))
    assert (ran.address, ran.token_id) == ("127.0.0.1", made.id)
    assert told[:6] == [
        ("user.create", "admin"),
        ("token.create", "admin"),
        ("kernel.create", "ci"),
        ("task.run", "ci"),
        ("user.update", "admin"),
        ("kernel.delete", "admin"),
    ]
    assert told[-1] == ("user.delete", "admin")


def _is_removed(admin: Client, name: str) -> bool:
    admin.users.remove(name)
    return True


def test_what_a_token_was_traded_for_is_good_after_a_restart(server: LiveServer) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": server.token, "client_id": "any"}
    traded = httpx.post(f"{server.url}/oidc/token", data=form).json()["access_token"]
    server.kill()
    server.start()
    with Client(url=server.url, token=traded) as admin:
        assert admin.whoami().role == "admin"


def test_no_token_reaches_the_log_however_it_is_sent(server: LiveServer) -> None:
    with server.client() as admin:
        good = admin.tokens.create("ada").token
    secrets = [good, "a-wrong-token-in-a-header", "a-wrong-token-in-the-address", "a-wrong-form"]
    channels = f"{server.url.replace('http', 'ws', 1)}/v1/kernels/{NOBODYS}/channels"
    for token in secrets[:2]:
        for path in ("/v1/whoami", "/v1/kernels", "/v1/workspaces/default/kernels", "/metrics"):
            httpx.get(server.url + path, headers={"Authorization": f"Bearer {token}"})
    for token in (good, secrets[2]):
        try:
            with connect(f"{channels}?token={token}"):
                pass
        except InvalidStatus:
            pass
    form = {"grant_type": "refresh_token", "refresh_token": secrets[3], "client_id": "any"}
    traded = httpx.post(f"{server.url}/oidc/token", data={**form, "refresh_token": good}).json()
    httpx.post(f"{server.url}/oidc/token", data=form)
    httpx.get(f"{server.url}/v1/whoami", headers={"Authorization": "Basic YTpi"})
    said = server.log
    assert "access.refused" in said
    assert "/v1/whoami" in said
    for secret in (*secrets, traded["access_token"], "YTpi"):
        assert secret not in said
    # Only the greeting of the very first start tells whoever sits there the administrator's.
    assert sum(server.token in line for line in said.splitlines()) <= 1
