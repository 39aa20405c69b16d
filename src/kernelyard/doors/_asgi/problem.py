"""Errors as ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors._asgi.door import Door
from kernelyard.model.errors import NotFound, YardError

MEDIA_TYPE = "application/problem+json"
_CODES = {
    HTTPStatus.BAD_REQUEST: "invalid",
    HTTPStatus.NOT_FOUND: "not_found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method_not_allowed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "too_large",
}
_NO_PATH = (
    "There is nothing at this path. '/docs' and '/openapi.json' list the paths of this server."
)
_NO_METHOD = "This path does not take this method. The 'Allow' header lists those it takes."
_encoder = msgspec.json.Encoder()


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    request_id: str | None,
    field: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return the answer that tells about an error."""
    body: dict[str, str | int | None] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
        "detail": detail,
    }
    if field is not None:
        body["field"] = field
    body["request_id"] = request_id
    return Response(
        _encoder.encode(body), status, headers=dict(headers or {}), media_type=MEDIA_TYPE
    )


def internal_problem(request_id: str | None) -> Response:
    """Return the answer for what nobody expected; it tells nothing but where to look."""
    error = YardError()
    return problem(500, error.code, error.message, request_id=request_id)


async def unexpected(request: Request, error: Exception) -> Response:
    """Answer for an error that is none of ours; it is logged further out."""
    del error
    return internal_problem(request_id_of(request))


def request_id_of(request: Request) -> str | None:
    """Return the id that the surroundings gave to a request."""
    value: str | None = request.scope.get("state", {}).get("request_id")
    return value


def http_problem(request: Request, error: HTTPException) -> Response:
    """Return the problem that an error of the framework stands for."""
    code = _CODES.get(HTTPStatus(error.status_code), "http_error")
    detail = _NO_METHOD if code == "method_not_allowed" else error.detail
    return problem(
        error.status_code,
        code,
        detail,
        request_id=request_id_of(request),
        headers=error.headers,
    )


class Unrouted:
    """Answers requests that no route took: unknown paths and methods."""

    def __init__(self, doors: tuple[Door, ...]) -> None:
        self._doors = doors

    async def __call__(self, request: Request, error: Exception) -> Response:
        """Return the problem; doors may name it more precisely than 'not_found'."""
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
        if error.status_code != HTTPStatus.NOT_FOUND:
            return http_problem(request, error)
        path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
        missing = self._named(path)
        return problem(
            error.status_code, missing.code, missing.message, request_id=request_id_of(request)
        )

    def _named(self, path: str) -> YardError:
        for door in self._doors:
            missing = door.missing(path)
            if missing is not None:
                return missing
        return NotFound(_NO_PATH)
