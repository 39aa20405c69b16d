"""Kernels: made, watched, restarted, ended."""

from __future__ import annotations

from typing import Annotated, Literal

import structlog
from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors._asgi.parameters import Query
from kernelyard.doors.native import examples, shapes, translate
from kernelyard.doors.native.answers import answers
from kernelyard.doors.native.asking import asked_by, asking_operations
from kernelyard.doors.native.orders import (
    InterruptOrder,
    NewKernel,
    RestartOrder,
    SignalOrder,
    TerminateOrder,
)
from kernelyard.doors.native.parameters import (
    LONGEST_WAIT,
    Cursor,
    IdempotencyKey,
    KernelId,
    LabelPairs,
    Limit,
    States,
    labels_of,
    states_of,
)
from kernelyard.model.errors import (
    AgentUnavailable,
    CursorMalformed,
    Forbidden,
    IdempotencyKeyReused,
    ImageDisabled,
    ImageNotFound,
    ImageNotReady,
    Invalid,
    KernelEnded,
    KernelNotFound,
    KernelNotOwned,
    KernelNotRunning,
    LimitReached,
    NameTaken,
    NeverFits,
    TemplateDisabled,
    TemplateNotFound,
    TooLarge,
)
from kernelyard.model.kernel_phases import KernelState
from kernelyard.model.kernels import KernelOrder

router = asking_operations(prefix="/v1/kernels", tags=["kernels"])


@router.post(
    "",
    operation_id="create_kernel",
    summary="Make a kernel",
    status_code=201,
    response_model=shapes.CreatedKernel,
    responses=answers(
        Invalid,
        ImageNotFound,
        TemplateNotFound,
        ImageDisabled,
        ImageNotReady,
        TemplateDisabled,
        Forbidden,
        NameTaken,
        NeverFits,
        LimitReached,
        IdempotencyKeyReused,
        TooLarge,
        AgentUnavailable,
        example=examples.CREATED_KERNEL,
        status=201,
        description="Asked for; it starts now, or when there is room: `reason` says what it waits for.",
        also={
            200: {
                "description": "It was there: the same name with `get_or_create`, or the same "
                "`Idempotency-Key`.",
                "model": shapes.CreatedKernel,
            }
        },
    ),
)
async def create(
    order: NewKernel, request: Request, idempotency_key: IdempotencyKey = None
) -> Response:
    """Answered at once, while the kernel starts; code may be queued on it right away."""
    asked = asked_by(request)
    kernel, created = await asked.yard.kernels.create(
        asked.who,
        KernelOrder(
            image=order.image,
            template=order.template,
            name=order.name,
            display_name=order.display_name,
            environment=order.environment,
            labels=order.labels,
            parameters=order.parameters,
            path=order.path,
            priority=order.priority,
        ),
        reuse=order.get_or_create,
        idempotency_key=idempotency_key,
    )
    structlog.contextvars.bind_contextvars(kernel_id=kernel.id)
    body: shapes.CreatedKernel = {
        **translate.kernel(kernel, asked.yard.kernels.prospect(kernel)),
        "created": created,
    }
    return translate.answer(body, 201 if created else 200)


@router.get(
    "",
    operation_id="list_kernels",
    summary="List kernels",
    response_model=shapes.KernelList,
    responses=answers(Invalid, CursorMalformed, example=examples.KERNELS),
)
async def every(
    request: Request,
    states: States = None,
    name: Annotated[str | None, Query(description="The one with this name.")] = None,
    labels: LabelPairs = None,
    cursor: Cursor = None,
    limit: Limit = None,
) -> Response:
    """Newest first; yours, or everybody's for administrators."""
    asked = asked_by(request)
    kernels, following = await asked.yard.kernels.list(
        asked.who,
        states=states_of(states, KernelState),
        name=name,
        labels=labels_of(labels),
        cursor=cursor,
        limit=limit,
    )
    body: shapes.KernelList = {
        "items": [
            translate.kernel(kernel, asked.yard.kernels.prospect(kernel)) for kernel in kernels
        ],
        "next_cursor": following,
    }
    return translate.answer(body)


@router.get(
    "/{kernel_id}",
    operation_id="get_kernel",
    summary="Get a kernel, or wait until it is ready, has ended or is gone",
    response_model=shapes.KernelWithHistory,
    responses=answers(Invalid, KernelNotFound, example=examples.KERNEL_WITH_HISTORY),
)
async def get(
    kernel_id: KernelId,
    request: Request,
    wait: Annotated[
        Literal["ready", "ended", "gone"] | None,
        Query(
            description="Wait until it is ready (or has ended), or until it has ended, or until nothing is "
            "left of one that is being deleted; then the answer is 404."
        ),
    ] = None,
    timeout: Annotated[
        float,
        Query(
            ge=0,
            le=LONGEST_WAIT,
            allow_inf_nan=False,
            description="Most seconds to wait; the kernel is then answered as it is.",
        ),
    ] = 30,
) -> Response:
    """The kernel as it is now, with the steps of its life."""
    asked = asked_by(request)
    yard, who = asked.yard, asked.who
    if wait is None:
        kernel = await yard.kernels.get(who, kernel_id)
    else:
        kernel = await yard.kernels.wait(who, kernel_id, until=wait, timeout=timeout)
    history = await yard.kernels.history(who, kernel_id)
    body: shapes.KernelWithHistory = {
        **translate.kernel(kernel, asked.yard.kernels.prospect(kernel)),
        "history": [translate.change(step) for step in history],
    }
    return translate.answer(body)


@router.post(
    "/{kernel_id}/terminate",
    operation_id="terminate_kernel",
    summary="Terminate a kernel",
    response_model=shapes.Kernel,
    responses=answers(
        Invalid, KernelNotFound, KernelNotRunning, KernelEnded, TooLarge, example=examples.KERNEL
    ),
)
async def terminate(
    kernel_id: KernelId, request: Request, order: TerminateOrder | None = None
) -> Response:
    """Frees what it holds; its tasks and outputs stay readable. May be repeated. A kernel that was
    attached runs on, unless it is told to shut down."""
    asked = asked_by(request)
    shut_down = order is not None and order.shut_down
    kernel = await asked.yard.kernels.terminate(asked.who, kernel_id, shut_down=shut_down)
    return translate.answer(translate.kernel(kernel, asked.yard.kernels.prospect(kernel)))


@router.post(
    "/{kernel_id}/restart",
    operation_id="restart_kernel",
    summary="Restart a kernel",
    response_model=shapes.Kernel,
    responses=answers(
        Invalid, KernelNotFound, KernelEnded, KernelNotOwned, TooLarge, example=examples.KERNEL
    ),
)
async def restart(
    kernel_id: KernelId, request: Request, order: RestartOrder | None = None
) -> Response:
    """A new process under the same id, name and work directory. The running task is cancelled,
    queued ones stay queued unless told otherwise."""
    asked = asked_by(request)
    cancel_queued = order is not None and order.cancel_queued
    kernel = await asked.yard.kernels.restart(asked.who, kernel_id, cancel_queued=cancel_queued)
    return translate.answer(translate.kernel(kernel, asked.yard.kernels.prospect(kernel)))


@router.post(
    "/{kernel_id}/interrupt",
    operation_id="interrupt_kernel",
    summary="Interrupt what a kernel runs",
    response_model=shapes.Interrupt,
    responses=answers(
        Invalid,
        KernelNotFound,
        KernelEnded,
        KernelNotRunning,
        TooLarge,
        AgentUnavailable,
        example=examples.INTERRUPT,
        description="What the interrupt is known to have achieved.",
    ),
)
async def interrupt(
    kernel_id: KernelId, request: Request, order: InterruptOrder | None = None
) -> Response:
    """As Ctrl-C would: the code sees a KeyboardInterrupt or its like. To end one task, cancel it.

    Answered as soon as the code has stopped, or after two seconds. Kernels that an interrupt would end
    are not interrupted, but restarted if the order says so."""
    asked, given = asked_by(request), order or InterruptOrder()
    outcome, restarting = await asked.yard.kernels.interrupt(
        asked.who, kernel_id, reason=given.reason, restart_if_needed=given.restart_if_needed
    )
    body: shapes.Interrupt = {"outcome": outcome.value, "restarting": restarting}
    return translate.answer(body)


@router.post(
    "/{kernel_id}/signal",
    operation_id="signal_kernel",
    summary="Send a kernel a signal",
    response_model=shapes.Signal,
    responses=answers(
        Invalid,
        KernelNotFound,
        KernelEnded,
        KernelNotRunning,
        TooLarge,
        AgentUnavailable,
        example=examples.SIGNAL,
        description="Whether it arrived.",
    ),
)
async def signal(kernel_id: KernelId, request: Request, order: SignalOrder) -> Response:
    """It goes to the kernel's process and its process group, so to what the code has started, too."""
    asked = asked_by(request)
    delivered = await asked.yard.kernels.signal(
        asked.who, kernel_id, order.signal, reason=order.reason
    )
    body: shapes.Signal = {"delivered": delivered}
    return translate.answer(body)


@router.delete(
    "/{kernel_id}",
    operation_id="delete_kernel",
    summary="Delete a kernel",
    status_code=204,
    response_class=Response,
    responses=answers(
        KernelNotFound, status=204, description="It is gone, with its tasks and outputs."
    ),
)
async def delete(kernel_id: KernelId, request: Request) -> Response:
    """Ends it and removes every trace: tasks, outputs, work directory. Terminate keeps them."""
    asked = asked_by(request)
    await asked.yard.kernels.delete(asked.who, kernel_id)
    return Response(status_code=204)
