"""How clients find this server: discovery documents, and a sign of life."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors.h2o import sign_in
from kernelyard.doors.h2o.address import address_of, service_address
from kernelyard.doors.h2o.routing import MethodRefused, Open
from kernelyard.model.json import JsonObject

CLIENT_ID = "kernelyard"
"""What the client calls itself when it trades its token. Any other id is as good."""
_BASE = "/.ai.h2o.cloud.discovery/v1"
_READ = ("GET", "HEAD")
_encode = msgspec.json.Encoder().encode


def environment(request: Request) -> JsonObject:
    """Where clients are: they compare the address with the one in their configuration."""
    address = address_of(request)
    return {
        "environment": {
            "h2oCloudEnvironment": address,
            "issuerUrl": address,
            "h2oCloudPlatformOauth2Scope": "openid offline_access",
        }
    }


def services(request: Request) -> JsonObject:
    """The one service there is. No page token: an empty one would count as a further page."""
    return {
        "services": [
            {
                "name": "services/notebook-api",
                "displayName": "Kernel API",
                "uri": service_address(request),
                "version": "v1",
                "oauth2Scope": "openid offline_access",
            }
        ]
    }


def clients(request: Request) -> JsonObject:
    """Under which id a client trades its token."""
    del request
    platform = {
        "name": "clients/platform",
        "displayName": "Kernel API",
        "oauth2ClientId": CLIENT_ID,
    }
    return {"clients": [dict(platform)]}


def links(request: Request) -> JsonObject:
    """No links."""
    del request
    return {"links": []}


def components(request: Request) -> JsonObject:
    """No components."""
    del request
    return {"components": []}


def version(request: Request) -> JsonObject:
    """A sign of life, asked for at login; clients do not look into it."""
    del request
    return {"server": "kernelyard", "api": "v1"}


def _reading(document: Callable[[Request], JsonObject]) -> Open:
    async def read(request: Request) -> Response:
        if request.method not in _READ:
            raise MethodRefused(_READ)
        return Response(_encode(document(request)), media_type="application/json")

    return read


OPENED: Mapping[str, Open] = {
    "/version": _reading(version),
    f"{_BASE}/environment": _reading(environment),
    f"{_BASE}/services": _reading(services),
    f"{_BASE}/clients": _reading(clients),
    f"{_BASE}/links": _reading(links),
    f"{_BASE}/components": _reading(components),
    sign_in.WELL_KNOWN_PATH: _reading(sign_in.well_known),
    sign_in.TRADE_PATH: sign_in.trade,
}
"""Paths that are open to everybody, and what answers there."""
