"""Requests to one server: tokens, retries, timeouts, errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

import httpx

from kernelyard.client._async.direct import AsyncDirect
from kernelyard.client.errors import UnexpectedAnswerError
from kernelyard.client.faults import error_of
from kernelyard.client.retrying import Attempts, Call, Repeat, RetryPolicy, unreachable
from kernelyard.client.settings import ServerAddress, read_again


class AsyncHttp:
    """The connection that all handles of a client share."""

    def __init__(
        self,
        address: ServerAddress,
        *,
        timeout: float,
        retries: RetryPolicy,
        transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        self.address = address
        self.retries = retries
        self._timeout = timeout
        self._met = False
        near = httpx.AsyncHTTPTransport(trust_env=False) if self._is_near(transport) else None
        self._http = httpx.AsyncClient(
            headers={"User-Agent": f"kernelyard/{version('kernelyard')}"},
            timeout=timeout,
            transport=near or transport,
            # A proxy for the outside world cannot reach a server on this machine.
            trust_env=not address.is_loopback,
        )
        self._direct: AsyncDirect | None = None
        if near is not None:
            self._direct = AsyncDirect(near, self._http.headers, timeout=timeout)

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def send(self, call: Call) -> bytes:
        """Return the body of the answer; raise if it is not a good one."""
        attempts = Attempts(self.retries, call, url=self.address.url, met=self._met)
        while True:
            try:
                response = await self._once(call)
            except httpx.TransportError as error:
                delay = attempts.failed(error)
            else:
                self._met = True
                refused = attempts.refused(response)
                if refused is None:
                    return self._body(call, response, perhaps_done=attempts.perhaps_done)
                delay = refused
            await asyncio.sleep(delay)
            self.address = read_again(self.address)

    async def get(
        self,
        path: str,
        params: tuple[tuple[str, str], ...] = (),
        *,
        patience: float | None = None,
        read_timeout: float | None = None,
    ) -> bytes:
        """Return what is at ``path``."""
        call = Call(
            method="GET",
            path=path,
            params=params,
            patience=patience,
            read_timeout=read_timeout,
        )
        return await self.send(call)

    async def post(
        self,
        path: str,
        body: bytes | None = None,
        *,
        key: str | None = None,
        repeat: Repeat = Repeat.UNSENT,
    ) -> bytes:
        """Post to ``path``; with an idempotency ``key`` it may be sent again."""
        headers = {} if key is None else {"Idempotency-Key": key}
        if key is not None:
            repeat = Repeat.ALWAYS
        return await self.send(
            Call(method="POST", path=path, body=body, headers=headers, repeat=repeat)
        )

    async def patch(self, path: str, body: bytes) -> bytes:
        """Change what is at ``path``."""
        return await self.send(Call(method="PATCH", path=path, body=body))

    async def put(self, path: str, body: bytes) -> bytes:
        """Make what is at ``path`` be like this."""
        return await self.send(Call(method="PUT", path=path, body=body))

    async def delete(self, path: str) -> None:
        """Remove what is at ``path``."""
        await self.send(Call(method="DELETE", path=path))

    async def glance(self, path: str) -> tuple[int, bytes]:
        """Ask once, whatever the answer: status and body."""
        try:
            response = await self._once(Call(method="GET", path=path))
        except httpx.TransportError as error:
            raise unreachable(self.address.url, error) from error
        return response.status_code, response.content

    @asynccontextmanager
    async def stream(
        self, path: str, params: tuple[tuple[str, str], ...], headers: dict[str, str]
    ) -> AsyncIterator[httpx.Response]:
        """Open a stream of events. Raises httpx.TransportError when it is cut."""
        self.address = read_again(self.address)
        timeout = httpx.Timeout(self._timeout, read=self.retries.silence)
        url = self.address.url + path
        async with self._http.stream(
            "GET", url, params=list(params), headers=headers | self._access(), timeout=timeout
        ) as response:
            self._met = True
            if response.status_code != 200:
                body = await response.aread()
                raise error_of(response.status_code, response.headers, body, url)
            kind = response.headers.get("content-type", "")
            if not kind.startswith("text/event-stream"):
                raise UnexpectedAnswerError(
                    f"{url} answered with {kind or 'no content type'} where a stream of events "
                    "was asked for. Check the address, and any proxy on the way."
                )
            yield response

    def _is_near(self, transport: httpx.AsyncBaseTransport | None) -> bool:
        return transport is None and self.address.is_loopback

    async def _once(self, call: Call) -> httpx.Response:
        direct = self._direct
        if direct is None or self._http.is_closed:
            return await self._at_length(call)
        response = await direct.request(self.address, call)
        if "set-cookie" in response.headers:
            # Somebody between us and the server wants it back: leave that to httpx from now on.
            self._http.cookies.extract_cookies(response)
            self._direct = None
        return response

    async def _at_length(self, call: Call) -> httpx.Response:
        headers = {**(call.headers or {}), **self._access()}
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        return await self._http.request(
            call.method,
            self.address.url + call.path,
            params=list(call.params) or None,
            headers=headers,
            content=call.body,
            timeout=httpx.Timeout(self._timeout, read=call.read_timeout or self._timeout),
        )

    def _access(self) -> dict[str, str]:
        token = self.address.token
        return {} if token is None else {"Authorization": f"Bearer {token}"}

    def _body(self, call: Call, response: httpx.Response, *, perhaps_done: bool) -> bytes:
        if response.is_success:
            return response.content
        if call.method == "DELETE" and perhaps_done and response.status_code == 404:
            return b""
        url = str(response.url)
        error = error_of(response.status_code, response.headers, response.content, url)
        error.perhaps_done = perhaps_done
        raise error
