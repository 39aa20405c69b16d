"""Addresses that give pages, or events to those who ask for them, and continue from a number."""

from __future__ import annotations

from typing import Annotated

from starlette.requests import Request

from kernelyard.doors._asgi.parameters import Header, Query
from kernelyard.doors.native.answers import Responses
from kernelyard.doors.native.parameters import LARGEST_NUMBER
from kernelyard.model.errors import Invalid

_MEDIA_TYPE = "text/event-stream"
LastEventId = Annotated[
    str | None,
    Header(
        alias="Last-Event-ID",
        description="Number of the last event seen; wins over `after`. Browsers send it themselves.",
    ),
]
Stream = Annotated[bool, Query(description="Send events; the same as `Accept: text/event-stream`.")]


def wants_events(request: Request, stream: bool) -> bool:
    """Whether a stream of events is asked for, and not a page."""
    return stream or _MEDIA_TYPE in request.headers.get("accept", "").lower()


def start_of(after: int, last_event_id: str | None) -> int:
    """Return the number to continue after. Raises Invalid."""
    if not last_event_id:
        return after
    if not last_event_id.isdecimal() or not last_event_id.isascii():
        raise Invalid("'Last-Event-ID' must be the number of an event.", field="Last-Event-ID")
    return min(int(last_event_id[:30]), LARGEST_NUMBER)


def also_events(documented: Responses, description: str, example: str) -> Responses:
    """Add a stream of events to the documented answers of an operation that gives pages."""
    documented[200]["content"][_MEDIA_TYPE] = {
        "schema": {"type": "string", "description": description},
        "example": example,
    }
    return documented
