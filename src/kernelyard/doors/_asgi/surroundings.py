"""What surrounds every request: its id, its line in the log, and an answer if all else fails."""

from __future__ import annotations

import re
import time
import uuid

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kernelyard.doors._asgi.problem import internal_problem

_log = structlog.stdlib.get_logger("kernelyard.http")
_SANE_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_QUIET = ("/healthz", "/readyz")
_BOUND = ("request_id", "kernel_id", "task_id")
HEADERS = (
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'; sandbox"),
    ("cache-control", "no-store"),
)
"""Set on every answer that does not set them itself."""

_HEADERS = [(name.encode(), value.encode()) for name, value in HEADERS]


class Surroundings:
    """Outermost ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        structlog.contextvars.bind_contextvars(request_id=request_id)
        answer = _Answer(request_id, send)
        began = time.perf_counter()
        try:
            await self._app(scope, receive, answer.send)
        except Exception:
            _log.exception("http.failed", method=scope["method"], path=scope["path"])
            if answer.status is None:
                await internal_problem(request_id)(scope, receive, answer.send)
            elif not answer.complete:
                raise  # what was begun must be seen to break off, never to end as if whole
        finally:
            _tell(scope, answer.status, began)
            structlog.contextvars.unbind_contextvars(*_BOUND)


class _Answer:
    """Passes an answer on, adds headers and remembers the status."""

    def __init__(self, request_id: str, send: Send) -> None:
        self.status: int | None = None
        self.complete = False
        self._request_id = request_id
        self._send = send

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [pair for pair in message.get("headers", ()) if pair[0] != b"x-request-id"]
            given = {name.lower() for name, _ in headers}
            headers.append((b"x-request-id", self._request_id.encode()))
            headers += [pair for pair in _HEADERS if pair[0] not in given]
            message["headers"] = headers
        else:
            self.complete = not message.get("more_body", False)
        await self._send(message)


def _request_id(scope: Scope) -> str:
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return given.decode() if _SANE_ID.fullmatch(given) else uuid.uuid4().hex


def _tell(scope: Scope, status: int | None, began: float) -> None:
    tell = _log.debug if scope["path"].endswith(_QUIET) else _log.info
    tell(
        "http.request",
        method=scope["method"],
        path=scope["path"],
        status=status,
        ms=round((time.perf_counter() - began) * 1000, 1),
    )
