# Generated from src/kernelyard/client/_async/direct.py by tools/generate_sync.py: do not edit.
# ruff: noqa: RUF100, SIM117, UP028
"""Plain requests to a server on this machine, made ready once instead of each time.

httpx works out for each request what cannot change between two of them: where it goes (there is no
proxy), what its headers are, what its timeouts are. Here that is kept, and the request goes to the
transport as it is.
"""

from __future__ import annotations

from functools import lru_cache

import httpx

from kernelyard.client.retrying import Call
from kernelyard.client.settings import ServerAddress

_WITH_BODY = ("POST", "PUT", "PATCH")


class Direct:
    """The short way to ``transport``, for requests whose whole answer is read at once."""

    def __init__(
        self, transport: httpx.HTTPTransport, headers: httpx.Headers, *, timeout: float
    ) -> None:
        """``headers`` are those that every request has."""
        self._transport = transport
        self._common = list(headers.raw)
        self._timeout = timeout
        self._ready: tuple[ServerAddress, list[tuple[bytes, bytes]]] | None = None
        """The address of the last request and the headers for it."""

    def request(self, address: ServerAddress, call: Call) -> httpx.Response:
        """Return the answer, read; raises what httpx raises."""
        url = _url(address.url + call.path, call.params)
        ready = self._ready
        if ready is None or ready[0] is not address:
            ready = self._ready = (address, self._headers_for(address, url))
        read = call.read_timeout or self._timeout
        request = httpx.Request(
            call.method,
            url,
            headers=[*ready[1], *_more_headers(call)],
            stream=httpx.ByteStream(call.body or b""),
            extensions={
                "timeout": {
                    "connect": self._timeout,
                    "read": read,
                    "write": self._timeout,
                    "pool": self._timeout,
                }
            },
        )
        response = self._transport.handle_request(request)
        response.request = request
        try:
            response.read()
        except BaseException:
            response.close()
            raise
        return response

    def _headers_for(self, address: ServerAddress, url: httpx.URL) -> list[tuple[bytes, bytes]]:
        headers = [(b"Host", url.netloc), *self._common]
        if address.token is not None:
            headers.append((b"Authorization", f"Bearer {address.token}".encode("ascii")))
        return headers


def _more_headers(call: Call) -> list[tuple[bytes, bytes]]:
    headers = [
        (name.encode("ascii"), value.encode("ascii"))
        for name, value in (call.headers or {}).items()
    ]
    if call.body is not None:
        headers.append((b"Content-Type", b"application/json"))
    if call.body or call.method in _WITH_BODY:
        headers.append((b"Content-Length", b"%d" % len(call.body or b"")))
    return headers


@lru_cache(maxsize=256)
def _url(url: str, params: tuple[tuple[str, str], ...]) -> httpx.URL:
    return httpx.URL(url, params=list(params)) if params else httpx.URL(url)
