"""Outputs: pages, events, and everything put together."""

from __future__ import annotations

from itertools import chain
from typing import Annotated, Literal

from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors._asgi.door import settings_of
from kernelyard.doors._asgi.parameters import Query
from kernelyard.doors.native import examples, shapes, translate
from kernelyard.doors.native.answers import NOT_YET, Responses, answers
from kernelyard.doors.native.asking import Asking, asked_by, asking_operations, while_welcome
from kernelyard.doors.native.pages import page_answer
from kernelyard.doors.native.parameters import (
    LONGEST_WAIT,
    After,
    KernelId,
    Limit,
    TaskId,
)
from kernelyard.doors.native.resuming import (
    LastEventId,
    Stream,
    also_events,
    start_of,
    wants_events,
)
from kernelyard.doors.native.splice import Pieces, event_bytes, joined
from kernelyard.doors.native.stream import event_stream, text_stream
from kernelyard.model.errors import CursorBeyondEnd, Invalid, KernelNotFound, TaskNotFound
from kernelyard.model.outputs import Aggregate
from kernelyard.model.paging import checked_limit
from kernelyard.model.tasks import Task
from kernelyard.yard.relaying import Outcome

router = asking_operations(prefix="/v1", tags=["outputs"])

_EVENTS = (
    "A page; or, for those who accept `text/event-stream`, events until nothing more can come."
)


def _page_or_events(not_found: type[TaskNotFound | KernelNotFound], word: str) -> Responses:
    documented = answers(
        Invalid, CursorBeyondEnd, not_found, example=examples.OUTPUTS, description=_EVENTS
    )
    return also_events(
        documented,
        "Each output as an event: `id` its number, `event` its kind, `data` an Output. The last event "
        f"is `{word}`; without it the stream was cut: ask again with `Last-Event-ID`. A comment comes "
        "every 15 seconds as a sign of life.",
        examples.EVENTS,
    )


@router.get(
    "/tasks/{task_id}/outputs",
    operation_id="read_task_outputs",
    summary="Read or follow the outputs of a task",
    response_model=shapes.OutputPage,
    responses=_page_or_events(TaskNotFound, "task"),
)
async def of_task(
    request: Request,
    task_id: TaskId,
    after: After = 0,
    limit: Limit = None,
    stream: Stream = False,
    last_event_id: LastEventId = None,
) -> Response:
    """Read while the task runs and ever after. Pages continue with `after` = `last`; a page with
    `complete` false may be asked for again when it is empty. As events, the stream ends with the
    event `task`, whose data is the task."""
    asked = asked_by(request)
    yard, who = asked.yard, asked.who
    if not wants_events(request, stream):
        size = checked_limit(limit, largest=settings_of(request).largest_page)
        return page_answer(await yard.outputs.page(who, task_id, after, size))
    batches = await yard.outputs.follow(who, task_id, start_of(after, last_event_id))
    return event_stream(while_welcome(request, batches), _as_events)


@router.get(
    "/kernels/{kernel_id}/outputs",
    operation_id="read_kernel_outputs",
    summary="Read or follow everything that happens on a kernel",
    response_model=shapes.OutputPage,
    responses=_page_or_events(KernelNotFound, "kernel"),
)
async def of_kernel(
    request: Request,
    kernel_id: KernelId,
    after: After = 0,
    limit: Limit = None,
    stream: Stream = False,
    last_event_id: LastEventId = None,
) -> Response:
    """As for a task, over the whole journal of a kernel: outputs of all tasks, their starts and
    ends, and the kernel's own marks. As events, the stream ends with the event `kernel`."""
    asked = asked_by(request)
    yard, who = asked.yard, asked.who
    if not wants_events(request, stream):
        size = checked_limit(limit, largest=settings_of(request).largest_page)
        return page_answer(await yard.outputs.kernel_page(who, kernel_id, after, size))
    batches = await yard.outputs.kernel_follow(who, kernel_id, start_of(after, last_event_id))
    return event_stream(while_welcome(request, batches), _as_events)


def _as_events(batch: Outcome) -> Pieces:
    ends: list[bytes] = []
    if isinstance(batch.end, Task):
        ends.append(_ending("task", translate.json_bytes(translate.task(batch.end))))
    elif batch.end is not None:
        ends.append(_ending("kernel", translate.json_bytes(translate.kernel(batch.end))))
    return Pieces(joined(chain(map(event_bytes, batch), ends)))


def _ending(word: str, data: bytes) -> bytes:
    """The event with which a stream ends; without it a stream was cut."""
    return b"event: %b\ndata: %b\n\n" % (word.encode(), data)


@router.get(
    "/tasks/{task_id}/result",
    operation_id="read_result",
    summary="Read everything a task said, put together",
    response_model=shapes.Result,
    responses=answers(Invalid, TaskNotFound, example=examples.RESULT) | {202: NOT_YET},
)
async def result(
    task_id: TaskId,
    request: Request,
    wait: Annotated[
        float | None,
        Query(
            ge=0,
            le=LONGEST_WAIT,
            allow_inf_nan=False,
            description="Seconds to wait for its end. Without it, as far as the task has come.",
        ),
    ] = None,
) -> Response:
    """Whole stdout and stderr, and what was shown, after its updates."""
    asked = asked_by(request)
    if wait is not None:
        task = await asked.yard.tasks.wait(asked.who, task_id, wait)
        if not task.state.is_final:
            nothing_yet = Aggregate(task=task, stdout="", stderr="")
            return translate.answer(translate.result(nothing_yet), 202)
        return translate.answer(translate.result(await asked.yard.outputs.result_of(task)))
    return translate.answer(translate.result(await asked.yard.outputs.result(asked.who, task_id)))


def _text(word: str) -> Responses:
    documented = answers(TaskNotFound)
    documented[200] = {
        "description": "The text.",
        "content": {"text/plain": {"schema": {"type": "string"}, "example": f"{word} of the code"}},
    }
    return documented


@router.get(
    "/tasks/{task_id}/stdout",
    operation_id="read_stdout",
    summary="Read the whole standard output of a task",
    response_class=Response,
    responses=_text("stdout"),
)
async def stdout(task_id: TaskId, request: Request) -> Response:
    """Plain text, sent piece by piece however large it is; as far as the task has come."""
    asked = asked_by(request)
    return await _texts(asked, task_id, "stdout")


@router.get(
    "/tasks/{task_id}/stderr",
    operation_id="read_stderr",
    summary="Read the whole standard error of a task",
    response_class=Response,
    responses=_text("stderr"),
)
async def stderr(task_id: TaskId, request: Request) -> Response:
    """Plain text, sent piece by piece however large it is; as far as the task has come."""
    asked = asked_by(request)
    return await _texts(asked, task_id, "stderr")


async def _texts(asked: Asking, task_id: str, name: Literal["stdout", "stderr"]) -> Response:
    return text_stream(await asked.yard.outputs.streams(asked.who, task_id, name))
