"""Whether the server lives, and whether it can serve. Open to everybody, for probes."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from typing_extensions import TypedDict

from kernelyard.doors._asgi.door import yard_of
from kernelyard.doors._asgi.openapi import PROBLEM_CONTENT
from kernelyard.doors._asgi.operations import Operations
from kernelyard.doors._asgi.problem import problem, request_id_of
from kernelyard.model.errors import Unavailable

router = Operations(tags=["health"])


class Health(TypedDict):
    """A sign of life."""

    status: str


_FINE = {"description": "Yes.", "content": {"application/json": {"example": {"status": "ok"}}}}


@router.get(
    "/healthz",
    operation_id="health",
    summary="Whether the server lives",
    response_model=Health,
    responses={200: _FINE},
)
async def health(request: Request) -> Response:
    """Answer as long as the process serves requests at all."""
    yard_of(request).health.live()
    return JSONResponse({"status": "ok"})


@router.get(
    "/readyz",
    operation_id="readiness",
    summary="Whether the server can serve",
    response_model=Health,
    responses={
        200: _FINE,
        503: {"description": "`unavailable`: the store does not answer.", **PROBLEM_CONTENT},
    },
)
async def readiness(request: Request) -> Response:
    """Answer 200 when the store answers, 503 when it does not."""
    if await yard_of(request).health.ready():
        return JSONResponse({"status": "ok"})
    return problem(
        503,
        Unavailable.code,
        "The server's store does not answer. Look at its log and at the disk it is on.",
        request_id=request_id_of(request),
        headers={"Retry-After": "1"},
    )
