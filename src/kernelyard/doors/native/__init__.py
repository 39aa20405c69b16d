"""The native door: the whole of the yard under ``/v1``, in JSON and server-sent events."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.types import ASGIApp

from kernelyard.doors._asgi.door import Door, Homestead
from kernelyard.doors._asgi.operations import Operations
from kernelyard.doors.native import (
    attaching,
    audit,
    channels,
    connections,
    events,
    images,
    kernels,
    logs,
    outputs,
    pools,
    quotas,
    resolving,
    tasks,
    templates,
    tokens,
    users,
    zygotes,
)
from kernelyard.doors.native.missing import PREFIX, missing
from kernelyard.doors.native.quick import QuickLane
from kernelyard.model.errors import YardError

_TAGS = {
    "images": "What kernels can be started from.",
    "templates": "Resources and limits that kernels are made with.",
    "pools": "Kernels that are ready before anybody asks for them.",
    "quotas": "How much everybody uses, and may use.",
    "zygotes": "Processes from which kernels are forked.",
    "kernels": "Interpreters, from request to deletion.",
    "tasks": "Code queued on kernels, run in order, with a stored end state.",
    "outputs": "Everything kernels said, numbered, readable while it happens and ever after.",
    "events": "State changes of kernels, tasks and images, numbered, as they happen and ever after.",
    "tokens": "With which one comes in.",
    "users": "Who may come in.",
    "audit": "Who did what.",
}


class NativeDoor(Door):
    """Our own dialect."""

    name = "native"

    def routers(self) -> Sequence[Operations]:
        """Return all routes under ``/v1``."""
        # The busiest first.
        subjects = (
            tasks,
            outputs,
            kernels,
            channels,
            attaching,
            logs,
            connections,
            events,
            images,
            resolving,
            templates,
            pools,
            quotas,
            zygotes,
            tokens,
            users,
            audit,
        )
        return [subject.router for subject in subjects]

    def tags(self) -> list[dict[str, str]]:
        """Return one heading per subject."""
        return [{"name": name, "description": text} for name, text in _TAGS.items()]

    def before(self, routes: ASGIApp, home: Homestead) -> ASGIApp:
        """Return the quick lane, for everyday requests."""
        return QuickLane(routes, home)

    def missing(self, path: str) -> YardError | None:
        """Return a precise error for unrouted paths under ``/v1``."""
        return missing(path) if path.startswith(PREFIX) else None


door = NativeDoor()
