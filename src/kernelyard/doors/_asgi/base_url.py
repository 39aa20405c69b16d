"""Everything under one path prefix, for servers that share a host name with others."""

from __future__ import annotations

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from kernelyard.doors._asgi.problem import http_problem


class BaseUrl:
    """Serves paths under the prefix and nothing else; routes do not see the prefix."""

    def __init__(self, app: ASGIApp, *, root_path: str) -> None:
        self._app = app
        self._root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan" or not self._root_path:
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if path != self._root_path and not path.startswith(f"{self._root_path}/"):
            if scope["type"] == "websocket":
                await WebSocketClose()(scope, receive, send)
                return
            error = HTTPException(
                HTTPStatus.NOT_FOUND, f"This server answers under '{self._root_path}/' only."
            )
            await http_problem(Request(scope), error)(scope, receive, send)
            return
        await self._app({**scope, "root_path": self._root_path}, receive, send)
