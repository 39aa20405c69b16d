"""FastAPI, and how a declared operation becomes a route of it. Loaded when a route is first needed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Coroutine, Mapping
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from fastapi import Header, Path, Query
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from kernelyard.doors._asgi.operations import Handle, Misfit
from kernelyard.doors._asgi.parameters import Parameter

_PLACES: dict[str, Callable[..., Any]] = {"header": Header, "path": Path, "query": Query}


class _Route(APIRoute):
    """A route that tells misfits in our words and lets its door stand around it."""

    def __init__(
        self,
        path: str,
        endpoint: Callable[..., Any],
        *,
        around: Callable[[Handle], Handle] | None,
        **told: Any,
    ) -> None:
        self._around = around
        super().__init__(path, endpoint, **told)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def checked(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                raise Misfit(error.errors()) from error

        inner = checked if self._around is None else self._around(checked)

        async def handled(request: Request) -> Response:
            return await inner(request)

        return handled


def route(
    path: str,
    endpoint: Callable[..., Any],
    methods: Collection[str] | None,
    around: Callable[[Handle], Handle] | None,
    told: Mapping[str, Any],
) -> APIRoute:
    """Return the framework's route for an operation."""
    given = {"response_model": None, **told}
    return _Route(path, _readable(endpoint), around=around, methods=list(methods or ()), **given)


def inside(made: Route) -> ASGIApp:
    """Return what answers a request that has been matched with a route."""
    return AsyncExitStackMiddleware(made.app)


def _readable(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """Return an endpoint whose parameters are said in the framework's words."""
    hints = get_type_hints(endpoint, include_extras=True)
    signature = inspect.signature(endpoint)

    async def called(**arguments: Any) -> Any:
        return await endpoint(**arguments)

    called.__name__ = endpoint.__name__
    called.__doc__ = endpoint.__doc__
    vars(called)["__signature__"] = signature.replace(
        parameters=[
            one.replace(annotation=_translated(hints[one.name]))
            for one in signature.parameters.values()
        ],
        return_annotation=Response,
    )
    return called


def _translated(annotation: Any) -> Any:
    if get_origin(annotation) is not Annotated:
        return annotation
    kind, *marks = get_args(annotation)
    words = [
        _PLACES[mark.place](**mark.told) if isinstance(mark, Parameter) else mark for mark in marks
    ]
    return Annotated[(kind, *words)]
