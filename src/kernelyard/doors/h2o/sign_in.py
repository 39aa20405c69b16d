"""Where clients trade one of our tokens for an access token, in the manner of OAuth 2."""

from __future__ import annotations

import math
from collections.abc import Mapping
from urllib.parse import parse_qs

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors._asgi import bearer
from kernelyard.doors._asgi.door import yard_of
from kernelyard.doors.h2o.address import address_of
from kernelyard.model.errors import TooManyFailures, Unauthenticated, YardError
from kernelyard.model.json import JsonObject

WELL_KNOWN_PATH = "/.well-known/openid-configuration"
TRADE_PATH = "/oidc/token"
ACCESS_SECONDS = 3600
"""How long an access token is good. Clients trade again shortly before."""
_LARGEST_FORM = 64 * 1024
_MOST_FIELDS = 20
_NO_HEADERS: Mapping[str, str] = {}
_encode = msgspec.json.Encoder().encode


def well_known(request: Request) -> JsonObject:
    """Return what a client has to know of the issuer: where tokens are traded."""
    address = address_of(request)
    return {
        "issuer": address,
        "token_endpoint": address + TRADE_PATH,
        "grant_types_supported": ["refresh_token"],
        "response_types_supported": [],
        "token_endpoint_auth_methods_supported": ["none", "client_secret_post"],
    }


async def trade(request: Request) -> Response:
    """Answer the grant ``refresh_token`` with an access token; who asks is known by his token alone."""
    if request.method != "POST":
        return _refused("invalid_request", "Send a POST with a form.", status=405)
    form = await _form(request)
    if form is None:
        return _refused("invalid_request", "The body is no form, or it is too large.")
    if form.get("grant_type") != "refresh_token":
        return _refused("unsupported_grant_type", "Only 'refresh_token' is supported.")
    token = form.get("refresh_token", "")
    if not token:
        return _refused("invalid_request", "'refresh_token' is missing.")
    try:
        access_token, seconds = await yard_of(request).access.exchange(
            token, ACCESS_SECONDS, bearer.address_of(request)
        )
    except TooManyFailures as error:
        headers = {"Retry-After": str(math.ceil(error.retry_after))}
        return _refused("slow_down", error.message, status=429, headers=headers)
    except Unauthenticated as error:
        return _refused("invalid_grant", error.message)
    except YardError as error:
        return _refused("temporarily_unavailable", error.message, status=503)
    return _json({"access_token": access_token, "token_type": "Bearer", "expires_in": seconds})


async def _form(request: Request) -> dict[str, str] | None:
    """Return the fields of a form; None if it cannot be read."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST_FORM:
            return None
    try:
        fields = parse_qs(body.decode(), max_num_fields=_MOST_FIELDS, strict_parsing=bool(body))
    except ValueError:
        return None
    return {name: values[0] for name, values in fields.items()}


def _refused(
    error: str, description: str, *, status: int = 400, headers: Mapping[str, str] = _NO_HEADERS
) -> Response:
    return _json({"error": error, "error_description": description}, status, headers)


def _json(body: JsonObject, status: int = 200, more: Mapping[str, str] = _NO_HEADERS) -> Response:
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache", **more}
    return Response(_encode(body), status, headers=headers, media_type="application/json")
