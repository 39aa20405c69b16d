"""Kernels that somebody else has started, attached."""

from __future__ import annotations

import structlog
from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors.native import examples, shapes, translate
from kernelyard.doors.native.answers import answers
from kernelyard.doors.native.asking import asked_by, asking_operations
from kernelyard.doors.native.orders import AttachedKernel
from kernelyard.doors.native.parameters import IdempotencyKey
from kernelyard.model.errors import (
    AgentUnavailable,
    AlreadyAttached,
    IdempotencyKeyReused,
    Invalid,
    LimitReached,
    NameTaken,
    StorageFull,
    TemplateDisabled,
    TemplateNotFound,
    TooLarge,
)
from kernelyard.yard.foreign import AttachOrder

router = asking_operations(prefix="/v1/kernels", tags=["kernels"])


@router.post(
    "/attach",
    operation_id="attach_kernel",
    summary="Attach a kernel that you did not start here",
    status_code=201,
    response_model=shapes.CreatedKernel,
    responses=answers(
        Invalid,
        TemplateNotFound,
        TemplateDisabled,
        NameTaken,
        AlreadyAttached,
        IdempotencyKeyReused,
        TooLarge,
        LimitReached,
        AgentUnavailable,
        StorageFull,
        example=examples.ATTACHED_KERNEL,
        status=201,
        description="Taken in; it is met now.",
        also={
            200: {
                "description": "You have attached it already, or the same `Idempotency-Key` was used.",
                "model": shapes.CreatedKernel,
            }
        },
    ),
)
async def attach(
    order: AttachedKernel, request: Request, idempotency_key: IdempotencyKey = None
) -> Response:
    """Send the content of its connection file, whose key is kept beside the kernels only. It runs
    tasks like any other, and is not owned: it is never restarted here, and terminating it lets go
    of it."""
    asked = asked_by(request)
    kernel, created = await asked.yard.foreign.attach(
        asked.who,
        AttachOrder(
            connection=order.connection,
            template=order.template,
            name=order.name,
            display_name=order.display_name,
            labels=order.labels,
            pid=order.pid,
            interrupt_by=order.interrupt_by,
        ),
        idempotency_key=idempotency_key,
    )
    structlog.contextvars.bind_contextvars(kernel_id=kernel.id)
    body: shapes.CreatedKernel = {
        **translate.kernel(kernel, asked.yard.kernels.prospect(kernel)),
        "created": created,
    }
    return translate.answer(body, 201 if created else 200)
