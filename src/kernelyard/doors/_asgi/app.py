"""The application: doors mounted side by side, and what surrounds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from itertools import chain

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from kernelyard.doors._asgi import docs, health, metrics, openapi
from kernelyard.doors._asgi.base_url import BaseUrl
from kernelyard.doors._asgi.body_limit import BodyLimit
from kernelyard.doors._asgi.door import Door
from kernelyard.doors._asgi.problem import Unrouted, unexpected
from kernelyard.doors._asgi.settings import AppSettings
from kernelyard.doors._asgi.surroundings import Surroundings
from kernelyard.yard.yard import Yard

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def build_app(
    yard: Yard,
    settings: AppSettings,
    doors: Sequence[Door],
    *,
    lifespan: Lifespan | None = None,
) -> ASGIApp:
    """Return the application that serves ``yard`` through ``doors``.

    ``lifespan`` is entered when the server starts and left when it stops.
    """
    own = (health.router, metrics.router, openapi.router, docs.router)
    routers = chain(*(door.routers() for door in doors), own)
    app = FastAPI(
        title="kernelyard",
        version=settings.version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        # As they are: including routers would build every route, with its models, a second time.
        routes=[route for router in routers for route in router.routes],
    )
    app.state.yard = yard
    app.state.settings = settings
    app.add_exception_handler(HTTPException, Unrouted(tuple(doors)))
    app.add_exception_handler(Exception, unexpected)
    tags = [tag for door in doors for tag in door.tags()]
    tags.append({"name": "health", "description": "For probes; open to everybody."})
    tags.append({"name": "metrics", "description": "Numbers for monitoring."})
    app.state.description = openapi.Description(app, tags, settings.root_path)
    routes: ASGIApp = app
    for door in doors:
        routes = door.before(routes, app)
    based = BaseUrl(routes, root_path=settings.root_path)
    return Surroundings(BodyLimit(based, limit=settings.body_limit))
