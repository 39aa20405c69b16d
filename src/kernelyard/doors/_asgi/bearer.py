"""The token with which a request comes, and whose it is."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from kernelyard.doors._asgi.door import yard_of
from kernelyard.model.principals import Principal

_SCHEMES = ("bearer", "token")
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="kernelyard"'}
"""What an answer says that wants one."""


def token_of(request: HTTPConnection) -> str | None:
    """Return the token; None if there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() in _SCHEMES else None


def address_of(request: HTTPConnection) -> str | None:
    """Return the address that a request comes from; None where there is none, as on a unix socket."""
    client = request.scope.get("client")
    return client[0] or None if client else None


async def principal_of(request: HTTPConnection) -> Principal:
    """Return who asks, by the token in a request. Raises Unauthenticated, TooManyFailures."""
    access = yard_of(request).access
    return await access.authenticate(token_of(request), address_of(request))
