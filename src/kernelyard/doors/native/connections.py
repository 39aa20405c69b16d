"""Connections to kernels, for plain Jupyter clients on the machine of the kernels."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors.native import examples, shapes, translate
from kernelyard.doors.native.answers import answers
from kernelyard.doors.native.asking import asked_by, asking_operations
from kernelyard.doors.native.parameters import KernelId
from kernelyard.model.errors import (
    AgentUnavailable,
    KernelEnded,
    KernelNotFound,
    KernelNotRunning,
    LimitReached,
    StorageFull,
)

router = asking_operations(prefix="/v1/kernels", tags=["kernels"])
_UNKEPT = {"Cache-Control": "no-store"}


@router.post(
    "/{kernel_id}/connection",
    operation_id="open_kernel_connection",
    summary="Let plain Jupyter clients join a kernel",
    response_model=shapes.ConnectionFile,
    responses=answers(
        KernelNotFound,
        KernelNotRunning,
        KernelEnded,
        LimitReached,
        StorageFull,
        AgentUnavailable,
        example=examples.CONNECTION_FILE,
    ),
)
async def open_connection(kernel_id: KernelId, request: Request) -> Response:
    """The content of a connection file, as `jupyter console --existing FILE` reads it. It is good on
    the machine where the kernel runs, until the kernel ends, over all its restarts. It holds a
    secret: whoever knows `key` may run code on the kernel. May be repeated."""
    asked = asked_by(request)
    connection = await asked.yard.bridges.open(asked.who, kernel_id)
    answer = translate.answer(translate.connection(connection, kernel_id))
    answer.headers.update(_UNKEPT)
    return answer


@router.delete(
    "/{kernel_id}/connection",
    operation_id="close_kernel_connection",
    summary="Send plain Jupyter clients away",
    status_code=204,
    response_class=Response,
    responses=answers(
        KernelNotFound,
        AgentUnavailable,
        status=204,
        description="Nobody is connected any more, and the key is worth nothing.",
    ),
)
async def close_connection(kernel_id: KernelId, request: Request) -> Response:
    """The kernel goes on. May be repeated."""
    asked = asked_by(request)
    await asked.yard.bridges.close(asked.who, kernel_id)
    return Response(status_code=204)
