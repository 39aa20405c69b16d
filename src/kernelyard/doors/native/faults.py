"""Errors of the yard as this door's answers."""

from __future__ import annotations

import math

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors._asgi.bearer import CHALLENGE
from kernelyard.doors._asgi.operations import Misfit
from kernelyard.doors._asgi.problem import http_problem, problem, request_id_of
from kernelyard.doors.native.refusals import refusal
from kernelyard.model.errors import (
    Conflict,
    Forbidden,
    Invalid,
    LimitReached,
    NotFound,
    StorageFull,
    TooLarge,
    TooManyFailures,
    Unauthenticated,
    Unavailable,
    YardError,
)

_log = structlog.stdlib.get_logger("kernelyard.http")

_STATUS: dict[type[YardError], int] = {
    YardError: 500,
    Invalid: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    TooLarge: 413,
    LimitReached: 429,
    Unavailable: 503,
    StorageFull: 507,
}
_UNREADABLE = (
    "The body cannot be read as JSON. Send one JSON object in UTF-8 with "
    "'Content-Type: application/json'."
)


def status_of(error: type[YardError]) -> int:
    """Return the HTTP status of an error: its own or that of the nearest class above it."""
    return next(_STATUS[cls] for cls in error.__mro__ if cls in _STATUS)


def answer_to(request: Request, error: Exception) -> Response:
    """Return the problem that tells about ``error``; raise it again if it is none of ours."""
    match error:
        case YardError():
            return _told(request, error)
        case Misfit():
            return _told(request, refusal(error))
        case HTTPException(status_code=400):
            return _told(request, Invalid(_UNREADABLE))
        case HTTPException():
            return http_problem(request, error)
        case _:
            raise error


def _told(request: Request, error: YardError) -> Response:
    status = status_of(type(error))
    if status == status_of(YardError):
        _log.error("http.internal", error=error.message, detail=error.detail, exc_info=error)
    elif error.detail:
        _log.info("http.refused", code=error.code, detail=error.detail)
    return problem(
        status,
        error.code,
        error.message,
        field=error.field,
        request_id=request_id_of(request),
        headers=_headers(error),
    )


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
