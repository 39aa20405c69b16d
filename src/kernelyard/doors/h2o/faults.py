"""Errors as this dialect tells them: ``{"code", "message", "details"}`` with the codes of gRPC."""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus

import msgspec
import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors._asgi.bearer import CHALLENGE
from kernelyard.doors.h2o.routing import MethodRefused
from kernelyard.model.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Invalid,
    KernelNotFound,
    LimitReached,
    NameTaken,
    NotFound,
    StorageFull,
    TaskNotFound,
    TemplateNotFound,
    TooLarge,
    TooManyFailures,
    Unauthenticated,
    Unavailable,
    YardError,
)
from kernelyard.model.principals import Principal

_log = structlog.stdlib.get_logger("kernelyard.http")
_encode = msgspec.json.Encoder().encode

_INVALID, _NOT_FOUND, _EXISTS, _DENIED, _EXHAUSTED = 3, 5, 6, 7, 8
_PRECONDITION, _UNIMPLEMENTED, _INTERNAL, _UNAVAILABLE, _UNAUTHENTICATED = 9, 12, 13, 14, 16
_TOLD: dict[type[YardError], tuple[int, int]] = {
    YardError: (500, _INTERNAL),
    Invalid: (400, _INVALID),
    Unauthenticated: (401, _UNAUTHENTICATED),
    Forbidden: (403, _DENIED),
    NotFound: (404, _NOT_FOUND),
    Conflict: (400, _PRECONDITION),
    AlreadyExists: (409, _EXISTS),
    NameTaken: (409, _EXISTS),
    TooLarge: (413, _EXHAUSTED),
    LimitReached: (429, _EXHAUSTED),
    Unavailable: (503, _UNAVAILABLE),
    StorageFull: (503, _UNAVAILABLE),
}
"""HTTP status and gRPC code of an error: its own or that of the nearest class above it."""
_HIDDEN = (KernelNotFound, TaskNotFound, TemplateNotFound)
"""Whether these exist is nobody's business but their owner's and an administrator's."""
_OF_HTTP = {
    400: _INVALID,
    401: _UNAUTHENTICATED,
    403: _DENIED,
    404: _NOT_FOUND,
    405: _UNIMPLEMENTED,
    413: _EXHAUSTED,
}


def told(
    status: int, code: int, message: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the answer that tells about an error; ``code`` is gRPC's."""
    body = {"code": code, "message": message, "details": []}
    return Response(
        _encode(body), status, headers=dict(headers or {}), media_type="application/json"
    )


def answer_to(error: Exception, who: Principal | None) -> Response:
    """Return what tells ``who`` about ``error``; raise it again if it is none of ours."""
    match error:
        case YardError():
            return _of_yard(error, who)
        case MethodRefused():
            allowed = ", ".join(error.allowed)
            message = f"This resource does not take this method. It takes {allowed}."
            return told(405, _UNIMPLEMENTED, message, {"Allow": allowed})
        case HTTPException():
            return http_fault(error)
        case _:
            raise error


def http_fault(error: HTTPException) -> Response:
    """Return what tells about an error of the framework, such as a body over the limit."""
    status = error.status_code
    code = _OF_HTTP.get(
        status, _INTERNAL if status >= HTTPStatus.INTERNAL_SERVER_ERROR else _INVALID
    )
    return told(status, code, error.detail, error.headers)


def unexpected(request: Request, error: Exception) -> Response:
    """Return the answer for what nobody expected; it tells nothing but where to look."""
    _log.error("http.failed", method=request.method, path=request.url.path, exc_info=error)
    return told(500, _INTERNAL, YardError().message)


def _of_yard(error: YardError, who: Principal | None) -> Response:
    status, code = next(_TOLD[cls] for cls in type(error).__mro__ if cls in _TOLD)
    message = error.message
    if isinstance(error, _HIDDEN) and not (who and who.is_admin):
        status, code = _TOLD[Forbidden]
        message = "Permission denied, or there is no such resource."
    if code == _INTERNAL:
        _log.error("http.internal", error=error.message, detail=error.detail, exc_info=error)
    elif error.detail:
        _log.info("http.refused", code=error.code, detail=error.detail)
    if isinstance(error, Invalid) and not message.startswith(VALIDATION):
        message = VALIDATION + message
    return told(status, code, message, _headers(error))


VALIDATION = "validation error: "
"""How messages begin about what is wrong with a request."""


def _headers(error: YardError) -> dict[str, str]:
    match error:
        case Unauthenticated():
            return CHALLENGE
        case TooManyFailures():
            return {"Retry-After": str(math.ceil(error.retry_after))}
        case Unavailable():
            return {"Retry-After": "1"}
        case _:
            return {}
