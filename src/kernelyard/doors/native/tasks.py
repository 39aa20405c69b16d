"""Tasks: code queued on kernels."""

from __future__ import annotations

from typing import Annotated

import structlog
from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors._asgi.parameters import Query
from kernelyard.doors.native import examples, shapes, translate
from kernelyard.doors.native.answers import NOT_YET, answers
from kernelyard.doors.native.asking import asked_by, asking_operations
from kernelyard.doors.native.orders import CancelOrder, NewTask
from kernelyard.doors.native.parameters import (
    DEFAULT_WAIT,
    LONGEST_WAIT,
    Cursor,
    IdempotencyKey,
    KernelId,
    LabelPairs,
    Limit,
    States,
    TaskId,
    labels_of,
    states_of,
)
from kernelyard.model.errors import (
    CursorMalformed,
    IdempotencyKeyReused,
    Invalid,
    KernelEnded,
    KernelNotFound,
    TaskFinished,
    TaskNotFound,
    TooLarge,
)
from kernelyard.model.outputs import Aggregate
from kernelyard.model.tasks import Cancellation, Task, TaskLimits, TaskOrder, TaskState

router = asking_operations(prefix="/v1", tags=["tasks"])


@router.post(
    "/kernels/{kernel_id}/tasks",
    operation_id="submit_task",
    summary="Queue code on a kernel",
    status_code=201,
    response_model=shapes.Task,
    responses=answers(
        Invalid,
        KernelNotFound,
        KernelEnded,
        IdempotencyKeyReused,
        TooLarge,
        example=examples.TASK,
        status=201,
        description="Queued, durably. You may hang up.",
        also={
            200: {
                "description": "Queued before with the same `Idempotency-Key`.",
                "model": shapes.Task,
            }
        },
    ),
)
async def submit(
    kernel_id: KernelId, order: NewTask, request: Request, idempotency_key: IdempotencyKey = None
) -> Response:
    """Answered at once, also while the kernel starts; tasks run one after the other, in order."""
    asked = asked_by(request)
    task, created = await asked.yard.tasks.submit(
        asked.who, kernel_id, _ordered(order), idempotency_key=idempotency_key
    )
    structlog.contextvars.bind_contextvars(task_id=task.id)
    return translate.answer(translate.task(task), 201 if created else 200)


@router.post(
    "/kernels/{kernel_id}/run",
    operation_id="run_code",
    summary="Queue code on a kernel, wait for its end, and read everything it said",
    response_model=shapes.Result,
    responses=answers(
        Invalid,
        KernelNotFound,
        KernelEnded,
        IdempotencyKeyReused,
        TooLarge,
        example=examples.RESULT,
    )
    | {202: NOT_YET},
)
async def run(
    kernel_id: KernelId,
    order: NewTask,
    request: Request,
    wait: Annotated[
        float,
        Query(
            ge=0,
            le=LONGEST_WAIT,
            allow_inf_nan=False,
            description="Seconds to wait for its end.",
        ),
    ] = DEFAULT_WAIT,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Submitting and reading the result in one request. The task is queued durably before anything
    else: you may hang up, and it goes on after `wait`; read its `result` then. Sent again with the
    same `Idempotency-Key` it waits for the same task."""
    asked = asked_by(request)
    yard = asked.yard
    ran = await yard.tasks.run(
        asked.who, kernel_id, _ordered(order), wait, idempotency_key=idempotency_key
    )
    structlog.contextvars.bind_contextvars(task_id=ran.task.id)
    if not ran.task.state.is_final:
        nothing_yet = Aggregate(task=ran.task, stdout="", stderr="")
        return translate.answer(translate.result(nothing_yet), 202)
    return translate.answer(translate.result(await yard.outputs.result_of_run(ran)))


def _ordered(order: NewTask) -> TaskOrder:
    return TaskOrder(
        code=order.code,
        labels=order.labels,
        needs=order.needs,
        limits=TaskLimits(
            time_seconds=order.time_limit,
            silence_seconds=order.silence_limit,
            restart_if_stuck=order.restart_if_stuck,
        ),
    )


@router.get(
    "/kernels/{kernel_id}/tasks",
    operation_id="list_tasks_of_kernel",
    summary="List the tasks of a kernel",
    response_model=shapes.TaskList,
    responses=answers(Invalid, CursorMalformed, KernelNotFound, example=examples.TASKS),
)
async def of_kernel(
    kernel_id: KernelId,
    request: Request,
    states: States = None,
    labels: LabelPairs = None,
    cursor: Cursor = None,
    limit: Limit = None,
) -> Response:
    """Newest first."""
    asked = asked_by(request)
    tasks, following = await asked.yard.tasks.list(
        asked.who,
        kernel_id=kernel_id,
        states=states_of(states, TaskState),
        labels=labels_of(labels),
        cursor=cursor,
        limit=limit,
    )
    return _listed(tasks, following)


@router.get(
    "/tasks",
    operation_id="list_tasks",
    summary="List tasks",
    response_model=shapes.TaskList,
    responses=answers(Invalid, CursorMalformed, example=examples.TASKS),
)
async def every(
    request: Request,
    states: States = None,
    labels: LabelPairs = None,
    cursor: Cursor = None,
    limit: Limit = None,
) -> Response:
    """Newest first; yours, or everybody's for administrators."""
    asked = asked_by(request)
    tasks, following = await asked.yard.tasks.list(
        asked.who,
        states=states_of(states, TaskState),
        labels=labels_of(labels),
        cursor=cursor,
        limit=limit,
    )
    return _listed(tasks, following)


@router.get(
    "/tasks/{task_id}",
    operation_id="get_task",
    summary="Get a task, or wait for its end",
    response_model=shapes.Task,
    responses=answers(Invalid, TaskNotFound, example=examples.TASK),
)
async def get(
    task_id: TaskId,
    request: Request,
    wait: Annotated[
        float,
        Query(
            ge=0,
            le=LONGEST_WAIT,
            allow_inf_nan=False,
            description="Seconds to wait for its end; the answer comes when it has ended or they are over.",
        ),
    ] = 0,
) -> Response:
    """The task as it is now."""
    asked = asked_by(request)
    if wait:
        task = await asked.yard.tasks.wait(asked.who, task_id, wait)
    else:
        task = await asked.yard.tasks.get(asked.who, task_id)
    return translate.answer(translate.task(task))


@router.post(
    "/tasks/{task_id}/cancel",
    operation_id="cancel_task",
    summary="Cancel a task",
    response_model=shapes.Task,
    responses=answers(Invalid, TaskNotFound, TaskFinished, TooLarge, example=examples.TASK),
)
async def cancel(task_id: TaskId, request: Request, order: CancelOrder | None = None) -> Response:
    """A queued task is taken out; a running one is interrupted and keeps its output. If it does not
    stop it is interrupted again after a grace time, and after another, if that is allowed, its kernel
    is restarted. It becomes `cancelled` a moment after the answer, and `stopped_by` tells what it took.
    """
    asked = asked_by(request)
    asking = order or CancelOrder()
    how = Cancellation(allow_restart=asking.allow_restart, grace_seconds=asking.grace)
    return translate.answer(translate.task(await asked.yard.tasks.cancel(asked.who, task_id, how)))


def _listed(tasks: list[Task], following: str | None) -> Response:
    body: shapes.TaskList = {
        "items": [translate.task(task) for task in tasks],
        "next_cursor": following,
    }
    return translate.answer(body)
