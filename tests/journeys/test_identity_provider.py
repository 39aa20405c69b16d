"""Users of an identity provider come with its tokens, and with nothing else of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from kernelyard import Client
from kernelyard.client.errors import AuthenticationError

from tests.support.issuer import AUDIENCE, Issuer, written
from tests.support.live_server import LiveServer


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


@pytest.fixture(scope="module")
def server(issuer: Issuer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    flags = (
        "--oidc-issuer",
        issuer.url,
        "--oidc-audience",
        AUDIENCE,
        "--oidc-role-claim",
        "groups",
    )
    data = tmp_path_factory.mktemp("identity") / "data"
    with LiveServer(data, *flags, "--oidc-admin-values", "staff, operators") as server:
        yield server


def _asked(server: LiveServer, token: str) -> httpx.Response:
    return httpx.get(f"{server.url}v1/kernels", headers={"Authorization": f"Bearer {token}"})


def test_a_user_of_the_provider_runs_code_and_sees_his_own(
    issuer: Issuer, server: LiveServer
) -> None:
    with Client(url=server.url, token=issuer.token("ann@example.org")) as ann:
        kernel = ann.kernels.create(image="python3")
        assert kernel.run("print('said')").stdout == "said\n"
        assert kernel.info.owner == "ann@example.org"
        with Client(url=server.url, token=issuer.token("bob")) as bob:
            assert [one.id for one in bob.kernels.list()] == []
        with Client(url=server.url, token=issuer.token("eve", groups=["operators"])) as operator:
            assert [one.id for one in operator.kernels.list()] == [kernel.id]
        with server.client() as administrator:
            assert [one.id for one in administrator.kernels.list()] == [kernel.id]
        kernel.terminate()


def test_what_is_not_right_is_refused_and_nothing_of_it_is_logged(
    issuer: Issuer, server: LiveServer
) -> None:
    expired = issuer.token(exp=int(time.time()) - 3600)
    forged = issuer.token(key=Issuer().key)
    unsigned = written({"alg": "none", "kid": "first"}, issuer.claims("ann"))
    for token in (expired, forged, unsigned, issuer.token(aud="other"), issuer.token(sub="admin")):
        answer = _asked(server, token)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated")
        assert token not in server.log
        with (
            Client(url=server.url, token=token) as client,
            pytest.raises(AuthenticationError),
        ):
            list(client.kernels.list())


def test_while_the_provider_is_down_from_the_start_the_answer_is_later(tmp_path: Path) -> None:
    with Issuer() as down:
        token = down.token()
        flags = ("--oidc-issuer", down.url, "--oidc-audience", AUDIENCE)
    with LiveServer(tmp_path / "data", *flags) as server:
        answer = _asked(server, token)
        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert _asked(server, server.token).status_code == 200
