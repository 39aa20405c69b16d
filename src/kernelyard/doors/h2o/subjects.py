"""All that this door answers, subject by subject."""

from __future__ import annotations

from starlette.types import ASGIApp

from kernelyard.doors._asgi.door import Homestead
from kernelyard.doors.h2o import discovery, images, kernels, specs, tasks, templates
from kernelyard.doors.h2o.frame import Frame
from kernelyard.doors.h2o.routing import Routes, Table

SUBJECTS: tuple[Routes, ...] = (
    images.routes,
    templates.routes,
    specs.routes,
    kernels.routes,
    tasks.routes,
)


def frame(routes: ASGIApp, home: Homestead) -> Frame:
    """Return what answers requests of this dialect; ``routes`` has what it does not know."""
    return Frame(routes, home, Table(SUBJECTS), discovery.OPENED)
