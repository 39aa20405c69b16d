"""Events: every state change of kernels, tasks and images, as pages and as a stream without an end."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Annotated, Literal

from starlette.requests import Request
from starlette.responses import Response

from kernelyard.doors._asgi.door import settings_of
from kernelyard.doors._asgi.parameters import Query
from kernelyard.doors.native import examples, shapes, translate
from kernelyard.doors.native.answers import answers
from kernelyard.doors.native.asking import asked_by, asking_operations, still_welcome
from kernelyard.doors.native.parameters import LARGEST_NUMBER, Limit
from kernelyard.doors.native.resuming import (
    LastEventId,
    Stream,
    also_events,
    start_of,
    wants_events,
)
from kernelyard.doors.native.splice import Pieces, joined
from kernelyard.doors.native.stream import event_stream
from kernelyard.model.errors import CursorBeyondEnd, Invalid, KernelNotFound
from kernelyard.model.ids import is_uuid
from kernelyard.model.kernels import StateChange
from kernelyard.model.paging import checked_limit
from kernelyard.yard.events import Changes

router = asking_operations(prefix="/v1", tags=["events"])

AfterEvent = Annotated[
    int,
    Query(ge=0, le=LARGEST_NUMBER, description="Show what comes after this event's number."),
]
OneKernel = Annotated[
    str | None,
    Query(
        alias="kernel",
        description="Id of a kernel: only its events and those of its tasks.",
        json_schema_extra={"format": "uuid"},
    ),
]
About = Annotated[
    Literal["images"] | None,
    Query(description="Only what becomes of images; goes without `kernel`."),
]
_RESPONSES = also_events(
    answers(
        Invalid,
        CursorBeyondEnd,
        KernelNotFound,
        example=examples.CHANGES,
        description="A page; or, for those who accept `text/event-stream`, events without an end.",
    ),
    "Each change as an event: `id` its number, `event` whether it is a `kernel`'s, a `task`'s or an "
    "`image`'s, "
    "`data` an Event. The stream has no end; when it is cut, ask again with `Last-Event-ID`. A "
    "comment comes every 15 seconds as a sign of life.",
    examples.CHANGE_EVENTS,
)


@router.get(
    "/events",
    operation_id="read_events",
    summary="Read or follow the state changes of kernels, tasks and images",
    response_model=shapes.EventPage,
    responses=_RESPONSES,
)
async def events(
    request: Request,
    after: AfterEvent = 0,
    limit: Limit = None,
    kernel: OneKernel = None,
    about: About = None,
    stream: Stream = False,
    last_event_id: LastEventId = None,
) -> Response:
    """Every state that the caller's kernels and tasks have entered, in order; administrators see
    everybody's. What becomes of images is seen by all. Pages continue with `after` = `last`, and `after` = `newest` leaves out all that was.
    Numbers grow over the whole server, so yours have gaps. That a kernel is busy or idle again is told
    by its tasks. The events of a deleted kernel vanish with it; a stream of that kernel alone is cut."""
    asked = asked_by(request)
    if kernel is not None and not is_uuid(kernel):
        raise KernelNotFound
    if not wants_events(request, stream):
        size = checked_limit(limit, largest=settings_of(request).largest_page)
        page = await asked.yard.events.page(
            asked.who, after, size, kernel, images_only=about is not None
        )
        return translate.answer(translate.event_page(page))
    start = start_of(after, last_event_id)
    changes = await asked.yard.events.follow(
        asked.who, start, kernel, images_only=about is not None
    )
    return event_stream(_while_welcome(request, changes), _as_events)


async def _while_welcome(
    request: Request, batches: AsyncIterator[Changes]
) -> AsyncGenerator[Changes, None]:
    """Pass changes on until the token is taken away: a stream without an end must not outlive it."""
    try:
        async for batch in batches:
            await still_welcome(request)
            yield batch
            del batch
    finally:
        if isinstance(batches, AsyncGenerator):
            await batches.aclose()


def _as_events(batch: Changes) -> Pieces:
    return Pieces(joined(map(_as_event, batch)))


def _as_event(change: StateChange) -> bytes:
    word = b"image" if change.image else b"task" if change.task_id else b"kernel"
    data = translate.json_bytes(translate.event(change))
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (change.number, word, data)
