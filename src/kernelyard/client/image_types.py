"""What the server tells of images, as typed frozen data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """Something a kernel can be started from.

    ::

        for image in yard.images.list():
            print(image.name, image.language, image.problem or "ready")
    """

    name: str
    reference: str = ""
    """``provider/name`` of what it stands for."""
    display_name: str = ""
    language: str = ""
    version: str | None = None
    ready: bool = True
    problem: str | None = None
    """Why it cannot start a kernel now, and what mends that."""
    disabled: bool = False
    registered: bool = False
    """Whether an administrator gave it this name."""
    resources: dict[str, str] = field(default_factory=dict)
    """Files such as its logo, each with its address on the server."""
    parameters: dict[str, Any] = field(default_factory=dict)
    """JSON Schema of the ``parameters`` that a kernel may be made with; empty if it takes none."""
    start: str = "exec"
    """``fork`` or ``exec``: how a kernel is started now, as a fork of a process that has everything
    imported or as a new program."""
    start_reason: str | None = None
    """Why it is not forked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenProvider:
    """A source of images that could not be asked, or lists what cannot be used."""

    provider: str
    problem: str
    listed_at: datetime | None = None
    """When it made the list that is shown; None if it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowProvider:
    """A source of images that takes its time to look again: its last list is shown."""

    provider: str
    listed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class HiddenImage:
    """An image that is not listed because it is not safe to offer."""

    reference: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageList:
    """All images, and the providers that could not be asked. Iterates over the images."""

    items: tuple[Image, ...]
    broken: tuple[BrokenProvider, ...] = ()
    slow: tuple[SlowProvider, ...] = ()
    hidden: tuple[HiddenImage, ...] = ()

    def __iter__(self) -> Iterator[Image]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """Which image is to run a notebook, and why.

    ::

        chosen = yard.images.resolve("report.ipynb")
        print(f"{chosen.image}, because {chosen.because}")
    """

    image: str
    how: str
    """What decided: ``explicit``, ``remembered``, ``directory``, ``name``, ``language``, ``only``."""
    because: str = ""
    passed_over: tuple[str, ...] = ()
    """What would have decided and could not be followed, a sentence each."""
