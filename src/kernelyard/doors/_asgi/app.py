"""The application: doors mounted side by side, and what surrounds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import chain

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.types import ASGIApp

from kernelyard.doors._asgi import docs, health, metrics, openapi
from kernelyard.doors._asgi.base_url import BaseUrl
from kernelyard.doors._asgi.body_limit import BodyLimit
from kernelyard.doors._asgi.door import Door
from kernelyard.doors._asgi.operations import Operation
from kernelyard.doors._asgi.problem import Unrouted, http_problem, unexpected
from kernelyard.doors._asgi.settings import AppSettings
from kernelyard.doors._asgi.surroundings import Surroundings
from kernelyard.yard.yard import Yard

TAGS = [
    {"name": "health", "description": "For probes; open to everybody."},
    {"name": "metrics", "description": "Numbers for monitoring."},
]
"""Headings of what the application brings itself."""
Lifespan = Callable[[Starlette], AbstractAsyncContextManager[None]]


class Application(Surroundings):
    """The whole application."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        super().__init__(app)
        self._operations = [route for route in routes if isinstance(route, Operation)]

    def prepare(self, go_on: Callable[[], bool]) -> None:
        """Make what the first request of each kind would wait for, as long as ``go_on`` says so.

        Takes a good part of a second; may be called in any thread.
        """
        for operation in self._operations:
            if not go_on():
                return
            operation.prepare()


def build_app(
    yard: Yard,
    settings: AppSettings,
    doors: Sequence[Door],
    *,
    lifespan: Lifespan | None = None,
) -> Application:
    """Return the application that serves ``yard`` through ``doors``.

    ``lifespan`` is entered when the server starts and left when it stops.
    """
    own = (health.router, metrics.router, openapi.router, docs.router)
    routers = chain(*(door.routers() for door in doors), own)
    every = [route for router in routers for route in router.routes]
    app = Starlette(routes=every, middleware=_middleware(every), lifespan=lifespan)
    app.router.redirect_slashes = False
    app.state.yard = yard
    app.state.settings = settings
    app.add_exception_handler(HTTPException, Unrouted(tuple(doors)))
    app.add_exception_handler(Exception, unexpected)
    tags = [tag for door in doors for tag in door.tags()]
    tags += TAGS
    app.state.description = openapi.Description(settings.version, every, tags, settings.root_path)
    routes: ASGIApp = app
    for door in doors:
        routes = door.before(routes, app)
    limited = BodyLimit(routes, limit=settings.body_limit, tell=_telling(doors))
    return Application(BaseUrl(limited, root_path=settings.root_path), every)


def _telling(doors: Sequence[Door]) -> Callable[[Request, HTTPException], Response]:
    """Return what tells a refusal in the dialect of the door whose path was asked for."""

    def tell(request: Request, error: HTTPException) -> Response:
        for door in doors:
            told = door.tell(request, error)
            if told is not None:
                return told
        return http_problem(request, error)

    return tell


def _middleware(routes: Sequence[BaseRoute]) -> list[Middleware]:
    """What routes need that a door brings from FastAPI as they are."""
    if all(isinstance(route, Operation | WebSocketRoute) for route in routes):
        return []
    from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware

    return [Middleware(AsyncExitStackMiddleware)]
