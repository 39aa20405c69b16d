"""Operations of a door, declared here and made into routes of the framework when they are first asked for.

A route reads types, builds validators and describes its answers: milliseconds for each of them, and the
framework itself takes as long to load as everything else. So a server listens first.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, request_response
from starlette.types import ASGIApp, Receive, Scope, Send

Handle = Callable[[Request], Awaitable[Response]]
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])
_OF_ANSWERS = frozenset({"response_model", "responses", "description", "tags", "summary"})
"""What is said of an operation only to describe it."""
_one_at_a_time = threading.Lock()


class Routed(Protocol):
    """What a door gives: ``Operations``, or a router of FastAPI or Starlette."""

    @property
    def routes(self) -> list[BaseRoute]: ...


class Misfit(Exception):
    """A request does not have the shape that its operation takes."""

    def __init__(self, errors: Sequence[Mapping[str, Any]]) -> None:
        super().__init__()
        self.errors = errors
        """As pydantic tells them; ``loc`` begins with ``body``, ``query``, ``header`` or ``path``."""


class Operation(Route):
    """A route whose inside is made when it is first used."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        method: str,
        around: Callable[[Handle], Handle] | None,
        told: Mapping[str, Any],
    ) -> None:
        super().__init__(path, endpoint, include_in_schema=told.get("include_in_schema", True))
        self.methods = {method}
        self.app = self._serve
        self._around = around
        self._told = told
        self._made: ASGIApp | None = None
        if list(inspect.signature(endpoint).parameters) == ["request"]:
            # It takes nothing that the framework would read for it.
            self._made = request_response(around(endpoint) if around else endpoint)

    def prepare(self) -> None:
        """Make the inside, if nobody has yet. Takes a while; may be called in any thread."""
        with _one_at_a_time:
            if self._made is None:
                from kernelyard.doors._asgi import framework

                bare = {key: value for key, value in self._told.items() if key not in _OF_ANSWERS}
                self._made = framework.inside(self._route(bare))

    def described(self) -> Route:
        """Return a route that knows all that is said of the operation."""
        return self._route(self._told)

    def _route(self, told: Mapping[str, Any]) -> Route:
        from kernelyard.doors._asgi import framework

        return framework.route(self.path, self.endpoint, self.methods, self._around, told)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._made is None:
            await asyncio.to_thread(self.prepare)
            assert self._made is not None  # noqa: S101 - just made
        await self._made(scope, receive, send)


class Operations:
    """The operations of one subject. ``around`` wraps how each of them is handled."""

    def __init__(
        self,
        *,
        prefix: str = "",
        tags: Sequence[str] = (),
        around: Callable[[Handle], Handle] | None = None,
        include_in_schema: bool = True,
    ) -> None:
        self._prefix = prefix
        self._around = around
        self._all: dict[str, Any] = {"tags": list(tags), "include_in_schema": include_in_schema}
        self.routes: list[BaseRoute] = []

    def get(self, path: str, **told: Any) -> Callable[[Endpoint], Endpoint]:
        """Declare an operation; ``told`` is what the framework's routes take."""
        return self._declared("GET", path, told)

    def post(self, path: str, **told: Any) -> Callable[[Endpoint], Endpoint]:
        """The same for POST."""
        return self._declared("POST", path, told)

    def put(self, path: str, **told: Any) -> Callable[[Endpoint], Endpoint]:
        """The same for PUT."""
        return self._declared("PUT", path, told)

    def patch(self, path: str, **told: Any) -> Callable[[Endpoint], Endpoint]:
        """The same for PATCH."""
        return self._declared("PATCH", path, told)

    def delete(self, path: str, **told: Any) -> Callable[[Endpoint], Endpoint]:
        """The same for DELETE."""
        return self._declared("DELETE", path, told)

    def _declared(
        self, method: str, path: str, told: Mapping[str, Any]
    ) -> Callable[[Endpoint], Endpoint]:
        def declared(endpoint: Endpoint) -> Endpoint:
            self.routes.append(
                Operation(
                    self._prefix + path, endpoint, method, self._around, {**self._all, **told}
                )
            )
            return endpoint

        return declared
