"""The gate: knows the addresses of this dialect, and lets everything else pass.

What answers there is loaded when it is first asked for: servers start without waiting for a dialect that
nobody may speak.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Receive, Scope, Send

from kernelyard.doors._asgi.door import Homestead

if TYPE_CHECKING:
    from kernelyard.doors.h2o.frame import Frame

PREFIX = "/v1/"
COLLECTIONS = frozenset({"workspaces", "kernelImages", "kernelTemplates", "notebookKernelSpecs"})
"""With what names of resources begin; the last three are those of old releases of the client."""
_OPEN = (
    "/version",
    "/oidc/token",
    "/.well-known/openid-configuration",
)
_DISCOVERY = "/.ai.h2o.cloud.discovery/"


class Gate:
    """Stands before the routes."""

    def __init__(self, routes: ASGIApp, home: Homestead) -> None:
        self._routes = routes
        self._home = home
        self._frame: Frame | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http" or not _concerns(path_of(scope)):
            await self._routes(scope, receive, send)
            return
        if self._frame is None:
            self._frame = await asyncio.to_thread(self._load)
        await self._frame(scope, receive, send)

    def _load(self) -> Frame:
        from kernelyard.doors.h2o import subjects

        return subjects.frame(self._routes, self._home)


def path_of(scope: Scope) -> str:
    """Return the decoded path below the base URL.

    A client whose base address ends with a slash begins paths with two.
    """
    path: str = scope["path"]
    if root := scope.get("root_path", ""):
        path = path.removeprefix(root)
    return path[1:] if path.startswith("//") else path


def is_resource(path: str) -> bool:
    """Whether a path is one of resources, or would be if there were any."""
    return path.startswith(PREFIX) and path[len(PREFIX) :].partition("/")[0] in COLLECTIONS


def _concerns(path: str) -> bool:
    return is_resource(path) or path in _OPEN or path.startswith(_DISCOVERY)
