"""What answers about images look like: every field, with its meaning."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from kernelyard.doors.native.shapes import Cursor, Time
from kernelyard.model.resolving import How


class Image(TypedDict):
    """Something a kernel can be started from."""

    name: Annotated[str, Field(description="What `image` says when a kernel is made.")]
    reference: Annotated[str, Field(description="`provider/name` of what was found.")]
    display_name: str
    language: str
    version: str | None
    ready: Annotated[bool, Field(description="Whether a kernel can be started from it now.")]
    problem: Annotated[str | None, Field(description="Why not, and what mends that.")]
    disabled: bool
    registered: Annotated[bool, Field(description="Whether an administrator gave it its name.")]
    resources: Annotated[dict[str, str], Field(description="File names and the paths they are at.")]
    parameters: Annotated[
        dict[str, object],
        Field(
            description="JSON Schema of the `parameters` that a kernel may be made with; empty if it "
            "takes none."
        ),
    ]
    start: Annotated[
        Literal["fork", "exec"],
        Field(
            description="How a kernel is started now with a template that has nothing to say about it."
        ),
    ]
    start_reason: Annotated[str | None, Field(description="Why it is not forked.")]


class BrokenProvider(TypedDict):
    """A provider that could not list its images, or not all of them."""

    provider: str
    problem: str
    listed_at: Annotated[
        Time | None,
        Field(description="When it made the list that is shown; null if it has none."),
    ]


class SlowProvider(TypedDict):
    """A provider that takes its time to look again: its last list is shown."""

    provider: str
    listed_at: Time


class HiddenImage(TypedDict):
    """An image that is not listed because it is not safe to offer."""

    reference: str
    reason: str


class ImageList(TypedDict):
    """Every image, by name."""

    items: list[Image]
    next_cursor: Cursor
    broken: list[BrokenProvider]
    slow: list[SlowProvider]
    hidden: list[HiddenImage]


class Resolution(TypedDict):
    """Which image is to run a notebook, and why."""

    image: str
    how: Annotated[How, Field(description="What decided.")]
    because: str
    passed_over: Annotated[
        list[str], Field(description="What would have decided and could not be followed.")
    ]
