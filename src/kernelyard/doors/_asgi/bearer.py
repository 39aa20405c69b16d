"""The token with which a request comes."""

from __future__ import annotations

from starlette.requests import HTTPConnection

_SCHEMES = ("bearer", "token")
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="kernelyard"'}
"""What an answer says that wants one."""


def token_of(request: HTTPConnection) -> str | None:
    """Return the token; None if there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() in _SCHEMES else None
