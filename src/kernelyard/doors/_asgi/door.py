"""Doors: what each one brings, and what it may reach from a request."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol, cast

from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.types import ASGIApp

from kernelyard.doors._asgi.operations import Routed
from kernelyard.doors._asgi.settings import AppSettings
from kernelyard.model.errors import YardError
from kernelyard.yard.yard import Yard


class Homestead(Protocol):
    """The application as endpoints reach it: what stands in its ``state``."""

    @property
    def state(self) -> Any: ...


class Door(ABC):
    """One dialect. Registered under the entry-point group ``kernelyard.doors``.

    A base class, not a Protocol, so that later versions can add methods with defaults.
    """

    name: str

    @abstractmethod
    def routers(self) -> Sequence[Routed]:
        """Return the routes of this dialect; they turn their own errors into answers."""

    def tags(self) -> list[dict[str, str]]:
        """Return the headings of this door's API pages: ``name`` and ``description`` each."""
        return []

    def before(self, routes: ASGIApp, home: Homestead) -> ASGIApp:
        """Return what stands before all routes; the routes themselves if nothing does."""
        del home
        return routes

    def missing(self, path: str) -> YardError | None:
        """Return the error that an unrouted path of this door stands for; None if it is not its own."""
        del path
        return None

    def tell(self, request: Request, error: HTTPException) -> Response | None:
        """Return this dialect's answer for what is refused before any route; None if it is not its own."""
        del request, error
        return None


def yard_of(request: HTTPConnection) -> Yard:
    """Return the yard behind a request."""
    return cast("Yard", request.app.state.yard)


def settings_of(request: HTTPConnection) -> AppSettings:
    """Return the settings of the application that serves a request."""
    return cast("AppSettings", request.app.state.settings)
