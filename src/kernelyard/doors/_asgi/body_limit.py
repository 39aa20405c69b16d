"""The largest request body, whether its length is announced or not."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kernelyard.doors._asgi.problem import http_problem

Tell = Callable[[Request, HTTPException], Response]
"""What makes an answer of a refusal."""


class BodyLimit:
    """Refuses bodies over the limit without reading them whole."""

    def __init__(self, app: ASGIApp, *, limit: int, tell: Tell = http_problem) -> None:
        self._app = app
        self._limit = limit
        self._tell = tell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or not self._limit:
            await self._app(scope, receive, send)
            return
        announced = next((one for name, one in scope["headers"] if name == b"content-length"), b"")
        if announced.isdigit() and int(announced[:20]) > self._limit:
            await self._tell(Request(scope), self._refusal())(scope, receive, send)
            return
        await self._app(scope, self._counting(receive), send)

    def _counting(self, receive: Receive) -> Receive:
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self._limit:
                raise self._refusal()
            return message

        return counted

    def _refusal(self) -> HTTPException:
        return HTTPException(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"The body is over this server's limit of {self._limit} bytes. Send less, or ask its "
            "administrator to raise 'body_limit'.",
            headers={"Connection": "close"},
        )
