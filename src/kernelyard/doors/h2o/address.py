"""The address under which clients reach this server, as they themselves have written it."""

from __future__ import annotations

import re

from starlette.requests import Request

from kernelyard.doors._asgi.door import settings_of

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


def address_of(request: Request) -> str:
    """Return the server's address without a slash at its end.

    It is the configured one, and without that the one that the request was sent to.
    """
    settings = settings_of(request)
    if settings.public_url:
        return settings.public_url.rstrip("/")
    host = request.headers.get("host", "")
    if _HOST.fullmatch(host) is None:
        name, port = request.scope.get("server") or ("127.0.0.1", 80)
        host = f"[{name}]:{port}" if ":" in name else f"{name}:{port}"
    return f"{request.scope.get('scheme', 'http')}://{host}{settings.root_path}"


def service_address(request: Request) -> str:
    """Return the address to which clients add ``version`` and ``/v1/…``.

    ``version`` replaces what stands behind the last slash, so an address with a path has to end with
    one, and an address without a path must not.
    """
    address = address_of(request)
    _, _, rest = address.partition("://")
    return f"{address}/" if "/" in rest else address
