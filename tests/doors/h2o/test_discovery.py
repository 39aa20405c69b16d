"""How clients find this server and come in; the forms are those that the published client reads."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from kernelyard.doors._asgi.app import build_app
from kernelyard.doors._asgi.settings import AppSettings
from kernelyard.doors.h2o import door

from tests.doors.h2o.wire import Wire
from tests.support.http_house import House, raw

BASE = "/.ai.h2o.cloud.discovery/v1"


async def documents(house: House, **settings: Any) -> dict[str, Any]:
    """What the client reads when it looks for the server."""
    app = build_app(house.yard, AppSettings(version="1", **settings), [door])
    root = AppSettings(version="1", **settings).root_path
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://yard:8700") as client:
        names = ("environment", "services", "clients", "links", "components")
        found = {name: (await client.get(f"{root}{BASE}/{name}")).json() for name in names}
        found["issuer"] = (
            await client.get(
                f"{root}/.well-known/openid-configuration",
            )
        ).json()
        return found


async def test_documents_tell_the_address_that_was_asked(house: House) -> None:
    found = await documents(house)
    environment = found["environment"]["environment"]
    assert environment["h2oCloudEnvironment"] == "http://yard:8700"
    assert environment["issuerUrl"] == "http://yard:8700"
    assert environment["h2oCloudPlatformOauth2Scope"]
    (service,) = found["services"]["services"]
    assert (service["name"], service["uri"]) == ("services/notebook-api", "http://yard:8700")
    (client,) = found["clients"]["clients"]
    assert client["name"] == "clients/platform"
    assert client["oauth2ClientId"]
    assert found["links"] == {"links": []}
    assert found["components"] == {"components": []}
    assert found["issuer"]["token_endpoint"] == "http://yard:8700/oidc/token"


async def test_no_list_has_a_page_token_for_an_empty_one_would_be_another_page(
    house: House,
) -> None:
    found = await documents(house)
    assert not any("nextPageToken" in document for document in found.values())


async def test_a_configured_address_wins(house: House) -> None:
    found = await documents(house, public_url="https://kernels.example.org/")
    environment = found["environment"]["environment"]
    assert environment["h2oCloudEnvironment"] == "https://kernels.example.org"
    assert found["services"]["services"][0]["uri"] == "https://kernels.example.org"


async def test_below_a_path_the_service_ends_with_a_slash(house: House) -> None:
    # The client puts 'version' in the place of what is behind the last slash.
    found = await documents(house, base_url="/the/yard")
    environment = found["environment"]["environment"]
    assert environment["h2oCloudEnvironment"] == "http://yard:8700/the/yard"
    assert found["services"]["services"][0]["uri"] == "http://yard:8700/the/yard/"


@pytest.mark.parametrize("host", ["evil.org/x", "a b", "", "a:b:c", 'x"', "user@host"])
async def test_a_host_that_is_none_is_not_repeated(wire: Wire, host: str) -> None:
    status, _, body = await raw(wire.app, f"{BASE}/environment", headers={"host": host})
    assert status == 200
    assert b'"http://yard:80"' in body


async def test_forwarded_headers_are_not_believed(wire: Wire) -> None:
    headers = {"x-forwarded-host": "evil.org", "x-forwarded-proto": "https", "forwarded": "host=e"}
    _, _, body = await raw(wire.app, f"{BASE}/environment", headers=headers)
    assert b"evil" not in body
    assert b"https" not in body


async def test_the_version_is_open_and_says_little(wire: Wire) -> None:
    answer = await wire.holding(None).send("GET", "/version")
    assert (answer.status, answer.body) == (200, {"server": "kernelyard", "api": "v1"})
    assert (await wire.send("POST", "/version", {})).fault == (405, 12)


async def trade(wire: Wire, **form: str) -> tuple[int, dict[str, Any]]:
    """Send a form to the token endpoint."""
    answer = await wire.client.post("/oidc/token", data=form)
    return answer.status_code, answer.json()


async def test_a_token_is_traded_for_an_access_token_that_opens_the_door(wire: Wire) -> None:
    status, granted = await trade(
        wire, grant_type="refresh_token", client_id="any", refresh_token=wire.token or ""
    )
    assert status == 200
    assert granted["token_type"] == "Bearer"
    assert granted["expires_in"] > 60
    assert "refresh_token" not in granted
    assert granted["access_token"] != wire.token
    opened = await wire.holding(granted["access_token"]).send("GET", "/v1/workspaces/default")
    assert opened.status == 404


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "refresh_token", "refresh_token": "wrong"}, "invalid_grant"),
        ({"grant_type": "refresh_token"}, "invalid_request"),
        ({"grant_type": "password", "refresh_token": "x"}, "unsupported_grant_type"),
        ({}, "unsupported_grant_type"),
        ({"grant_type": "refresh_token", "refresh_token": "x" * 70_000}, "invalid_request"),
        ({str(number): "x" for number in range(30)}, "invalid_request"),
    ],
)
async def test_a_refusal_is_told_in_the_words_of_oauth(
    wire: Wire, form: dict[str, str], error: str
) -> None:
    status, told = await trade(wire, **form)
    assert (status, told["error"]) == (400, error)
    assert told["error_description"]


async def test_guessing_is_slowed_down(wire: Wire) -> None:
    async def guess(number: int) -> httpx.Response:
        form = {"grant_type": "refresh_token", "refresh_token": f"guess-{number}"}
        return await wire.client.post("/oidc/token", data=form)

    # Each waits for its own answer only; at last none is looked at.
    answers = await asyncio.gather(*(guess(number) for number in range(60)))
    told = next(answer for answer in answers if answer.status_code == 429)
    assert told.json()["error"] == "slow_down"
    assert int(told.headers["retry-after"]) > 0
    refused = await wire.holding("one-more-guess").send("GET", "/v1/workspaces/default")
    assert refused.fault == (429, 8)


async def test_a_form_that_cannot_be_read_is_refused(wire: Wire) -> None:
    for content in (b"\xff=\xff", b"nonsense", b"a&b"):
        answer = await wire.client.post("/oidc/token", content=content)
        assert answer.status_code == 400
    assert (await wire.client.get("/oidc/token")).status_code == 405
