"""Parts of a store whose rows have names of their own: templates, images, choices."""

from __future__ import annotations

from typing import Protocol

from kernelyard.model.images import ImageRecord
from kernelyard.model.quantities import Micros
from kernelyard.model.templates import Template

MOST_CHOICES = 500
"""So many choices of images are remembered for each owner, the newest."""


class TemplateStore(Protocol):
    """Templates."""

    async def insert(self, template: Template) -> None:
        """Raises AlreadyExists."""
        ...

    async def get(self, name: str) -> Template:
        """Raises TemplateNotFound."""
        ...

    async def find(
        self, after: str | None, limit: int, seen_by: str | None = None
    ) -> list[Template]:
        """Return templates by name, beginning after ``after``.

        With ``seen_by`` those alone that this user owns or that are for all: of nobody (owner "") or
        of a user who is an administrator.
        """
        ...

    async def is_shared(self, name: str) -> bool:
        """Whether a template is for all. Raises TemplateNotFound."""
        ...

    async def replace(self, template: Template) -> None:
        """Raises TemplateNotFound."""
        ...

    async def remove(self, name: str) -> None:
        """Raises TemplateNotFound."""
        ...


class ImageStore(Protocol):
    """What administrators said about images."""

    async def insert(self, record: ImageRecord) -> None:
        """Raises AlreadyExists."""
        ...

    async def put(self, record: ImageRecord) -> None:
        """Insert or replace."""
        ...

    async def all(self) -> list[ImageRecord]:
        """Every record, by name."""
        ...

    async def remove(self, name: str) -> bool:
        """Remove; False if there was none."""
        ...


class ChoiceStore(Protocol):
    """Which image somebody has chosen for a notebook. The newest of each owner's."""

    async def put(self, owner: str, path: str, image: str, at: Micros) -> None:
        """Remember a choice, instead of an earlier one for the same path."""
        ...

    async def get(self, owner: str, path: str) -> str | None:
        """Return the image chosen for a path."""
        ...

    async def remove(self, owner: str, path: str) -> bool:
        """Forget; False if there was nothing."""
        ...
