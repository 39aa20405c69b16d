"""Logs of kernels: what their processes printed beside the protocol."""

from __future__ import annotations

from typing import Annotated

from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors._asgi.parameters import Query
from kernelyard.doors.native import examples, shapes, translate
from kernelyard.doors.native.answers import answers
from kernelyard.doors.native.asking import asked_by, asking_operations
from kernelyard.doors.native.parameters import LARGEST_NUMBER, KernelId
from kernelyard.model.errors import AgentUnavailable, Invalid, KernelNotFound
from kernelyard.yard.logs import LARGEST_PART, LEAST_PART, USUAL_PART

router = asking_operations(prefix="/v1/kernels", tags=["kernels"])


@router.get(
    "/{kernel_id}/logs",
    operation_id="read_kernel_log",
    summary="Read what a kernel's process printed beside its outputs",
    response_model=shapes.KernelLog,
    responses=answers(Invalid, KernelNotFound, AgentUnavailable, example=examples.KERNEL_LOG),
)
async def read(
    kernel_id: KernelId,
    request: Request,
    after: Annotated[
        int | None,
        Query(
            ge=0,
            le=LARGEST_NUMBER,
            description="Begin behind so many bytes: `end` of the answer before. Without it, the "
            "last bytes.",
        ),
    ] = None,
    limit: Annotated[
        int, Query(ge=LEAST_PART, le=LARGEST_PART, description="Most bytes of this answer.")
    ] = USUAL_PART,
) -> Response:
    """Warnings of libraries, crashes, output of programs that it started: all that went to the
    process's own stdout and stderr. Only the last part is kept. `end` below `size` means that there
    is more to read now."""
    asked = asked_by(request)
    part = await asked.yard.logs.read(asked.who, kernel_id, after, limit)
    return translate.answer(translate.kernel_log(part))
