"""The description of the API at ``/openapi.json``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from kernelyard.doors._asgi.operations import Operation, Operations

router = Operations(include_in_schema=False)

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
"""Paths that need no token."""
PROBLEM_CONTENT: dict[str, Any] = {
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
}
_PROBLEM: dict[str, Any] = {
    "title": "Problem",
    "type": "object",
    "description": "What went wrong and what to do next (RFC 9457).",
    "required": ["type", "title", "status", "code", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "title": {"type": "string", "description": "The phrase of the status."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "code": {"type": "string", "description": "Stable; made for programs."},
        "detail": {"type": "string", "description": "A sentence that says what to do."},
        "field": {"type": "string", "description": "The field of the request that is meant."},
        "request_id": {
            "type": ["string", "null"],
            "description": "The id under which the server's log tells more.",
        },
    },
}
_INTERNAL: dict[str, Any] = {
    "description": "`internal`: something went wrong inside the server; its log tells under the request id.",
    **PROBLEM_CONTENT,
}
_DESCRIPTION = """Make a kernel from an image and a template, queue code on it, walk away, and read
every output later.

Every request needs `Authorization: Bearer <token>`. Lists come in pages: pass `next_cursor` back as
`cursor`. Errors are `application/problem+json` with a stable `code`. Times are RFC 3339 in UTC. An
`X-Request-ID` of yours is kept and echoed."""


@router.get("/openapi.json")
async def description(request: Request) -> Response:
    """The whole description."""
    told: Description = request.app.state.description
    return Response(await told.document(), media_type="application/json")


class Description:
    """The document, made when it is first asked for: servers start faster without it."""

    def __init__(
        self, version: str, routes: Sequence[BaseRoute], tags: list[dict[str, str]], root_path: str
    ) -> None:
        self._make = lambda: describe(version, routes, tags, root_path)
        self._document: bytes | None = None
        self._making = asyncio.Lock()

    async def document(self) -> bytes:
        """Return the OpenAPI document as JSON."""
        async with self._making:
            if self._document is None:
                self._document = await asyncio.to_thread(self._make)
            return self._document


def describe(
    version: str, routes: Sequence[BaseRoute], tags: list[dict[str, str]], root_path: str
) -> bytes:
    """Return the OpenAPI document of ``routes``, in which each error is a problem."""
    from fastapi.openapi.utils import get_openapi

    document = get_openapi(
        title="kernelyard",
        version=version,
        summary="A self-hosted service for headless kernels",
        description=_DESCRIPTION,
        routes=[one.described() if isinstance(one, Operation) else one for one in routes],
        tags=tags,
        servers=[{"url": root_path or "/"}],
        license_info={"name": "BSD-3-Clause", "identifier": "BSD-3-Clause"},
    )
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = _PROBLEM
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    components["securitySchemes"] = {
        "token": {
            "type": "http",
            "scheme": "bearer",
            "description": "A token of this server: its admin token, or one made with POST /v1/tokens.",
        }
    }
    document["security"] = [{"token": []}]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            operation["responses"]["500"] = _INTERNAL
            if path in OPEN_PATHS:
                operation["security"] = []
    return msgspec.json.encode(document)
