"""The API pages at ``/docs``: Swagger UI out of an installed package, nothing from another host."""

from __future__ import annotations

import asyncio
import json
from functools import cache
from importlib import resources

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors._asgi.operations import Operations

router = Operations(include_in_schema=False)

_ASSETS = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "favicon-32x32.png": "image/png",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>kernelyard API</title>
<link rel="icon" type="image/png" href="{base}/docs/favicon-32x32.png">
<link rel="stylesheet" href="{base}/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{base}/docs/swagger-ui-bundle.js"></script>
<script src="{base}/docs/start.js"></script>
</body>
</html>
"""
_START = """SwaggerUIBundle({{
  url: {url},
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  persistAuthorization: false,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
}});
"""


@router.get("/docs")
async def page(request: Request) -> Response:
    """The page itself."""
    return _page(_PAGE.format(base=_base(request)), "text/html")


@router.get("/docs/start.js")
async def start(request: Request) -> Response:
    """The lines that fill the page; a file of their own, so that no inline script need be allowed."""
    return _page(_START.format(url=json.dumps(f"{_base(request)}/openapi.json")), "text/javascript")


@router.get("/docs/{asset}")
async def asset(asset: str) -> Response:
    """A file of Swagger UI."""
    media_type = _ASSETS.get(asset)
    if media_type is None:
        raise HTTPException(404)
    data = await asyncio.to_thread(_read, asset)
    return Response(data, media_type=media_type, headers={"Cache-Control": "public, max-age=86400"})


@cache
def _read(asset: str) -> bytes:
    return resources.files("fastapi_swagger").joinpath("resources", asset).read_bytes()


def _page(text: str, media_type: str) -> Response:
    return Response(text, media_type=media_type, headers={"Content-Security-Policy": _POLICY})


def _base(request: Request) -> str:
    base: str = request.scope.get("root_path", "")
    return base
