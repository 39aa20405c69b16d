"""From an answer of the server to the error that it stands for."""

from __future__ import annotations

import json
from collections.abc import Mapping

from kernelyard.client.errors import (
    ApiError,
    AuthenticationError,
    ConflictError,
    InvalidRequestError,
    LimitReachedError,
    NotFoundError,
    PermissionDeniedError,
    ServerError,
    TooLargeError,
    UnavailableError,
)

_CLASSES: dict[int, type[ApiError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    405: NotFoundError,
    409: ConflictError,
    410: NotFoundError,
    413: TooLargeError,
    422: InvalidRequestError,
    429: LimitReachedError,
    502: UnavailableError,
    503: UnavailableError,
    504: UnavailableError,
    507: UnavailableError,
}


def error_of(status: int, headers: Mapping[str, str], body: bytes, url: str) -> ApiError:
    """Return the error that an answer with ``status`` stands for."""
    problem = _problem(body)
    detail = _text(problem, "detail") or _text(problem, "title") or _foreign(status, headers, url)
    if status == 401:
        detail += " This client takes its token from an argument or from KERNELYARD_TOKEN."
    kind = _CLASSES.get(status, ServerError if status >= 500 else ApiError)
    return kind(
        detail,
        status=status,
        code=_text(problem, "code") or f"http_{status}",
        field=_text(problem, "field"),
        request_id=_text(problem, "request_id") or headers.get("x-request-id"),
    )


def _problem(body: bytes) -> dict[str, object]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _text(problem: dict[str, object], key: str) -> str | None:
    value = problem.get(key)
    return value if isinstance(value, str) and value else None


def _foreign(status: int, headers: Mapping[str, str], url: str) -> str:
    target = headers.get("location")
    if 300 <= status < 400 and target:
        return f"{url} redirects to {target}. Use that server's own address."
    return (
        f"{url} answered with status {status}, and not in the form of a kernelyard server. "
        "Check the address, and any proxy on the way."
    )
