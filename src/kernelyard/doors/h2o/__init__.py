"""The H2O door: the Kernel API that the published ``h2o_notebook`` client speaks."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from kernelyard.doors._asgi.door import Door, Homestead
from kernelyard.doors._asgi.operations import Routed
from kernelyard.doors.h2o.gate import Gate, is_resource, path_of


class H2ODoor(Door):
    """The dialect of H2O's Kernel API."""

    name = "h2o"

    def routers(self) -> Sequence[Routed]:
        """Return nothing: everything is taken before the routes."""
        return []

    def before(self, routes: ASGIApp, home: Homestead) -> ASGIApp:
        """Return the gate, which takes what is of this dialect."""
        return Gate(routes, home)

    def tell(self, request: Request, error: HTTPException) -> Response | None:
        """Return this dialect's answer for what is refused before it is taken."""
        if not is_resource(path_of(request.scope)):
            return None
        from kernelyard.doors.h2o import faults

        return faults.http_fault(error)


door = H2ODoor()
"""What the entry point names."""
