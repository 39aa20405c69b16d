"""The H2O door: the Kernel API that the published ``h2o_notebook`` client speaks."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from kernelyard.doors._asgi.door import Door, Homestead
from kernelyard.doors._asgi.operations import Routed
from kernelyard.doors.h2o import (
    discovery,
    faults,
    images,
    kernels,
    specs,
    tasks,
    templates,
)
from kernelyard.doors.h2o.frame import Frame, is_ours
from kernelyard.doors.h2o.routing import Routes, Table

SUBJECTS: tuple[Routes, ...] = (
    images.routes,
    templates.routes,
    specs.routes,
    kernels.routes,
    tasks.routes,
)
"""All operations on resources, subject by subject."""


class H2ODoor(Door):
    """The dialect of H2O's Kernel API."""

    name = "h2o"

    def routers(self) -> Sequence[Routed]:
        """Return nothing: everything is taken before the routes."""
        return []

    def before(self, routes: ASGIApp, home: Homestead) -> ASGIApp:
        """Return the frame, which takes what is of this dialect."""
        return Frame(routes, home, Table(SUBJECTS), discovery.OPENED)

    def tell(self, request: Request, error: HTTPException) -> Response | None:
        """Return this dialect's answer for what is refused before the frame sees it."""
        return faults.http_fault(error) if is_ours(request.scope) else None


door = H2ODoor()
"""What the entry point names."""
