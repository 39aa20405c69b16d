"""What has a name of its own, in memory: templates, images and choices."""

from __future__ import annotations

from collections.abc import Mapping

from kernelyard.model.errors import AlreadyExists, TemplateNotFound
from kernelyard.model.images import ImageRecord
from kernelyard.model.principals import Role, User
from kernelyard.model.quantities import Micros
from kernelyard.model.templates import Template
from kernelyard.ports.named_stores import MOST_CHOICES


class MemoryTemplates:
    """``TemplateStore`` over a dictionary."""

    def __init__(self, users: Mapping[str, User] | None = None) -> None:
        self._users = users or {}
        self._templates: dict[str, Template] = {}

    async def insert(self, template: Template) -> None:
        if template.name in self._templates:
            raise AlreadyExists
        self._templates[template.name] = template

    async def get(self, name: str) -> Template:
        try:
            return self._templates[name]
        except KeyError:
            raise TemplateNotFound from None

    async def find(
        self, after: str | None, limit: int, seen_by: str | None = None
    ) -> list[Template]:
        names = sorted(name for name in self._templates if after is None or name > after)
        found = [self._templates[name] for name in names]
        seen = [one for one in found if seen_by in (None, one.owner) or self._is_shared(one)]
        return seen[:limit]

    async def is_shared(self, name: str) -> bool:
        return self._is_shared(await self.get(name))

    async def replace(self, template: Template) -> None:
        await self.get(template.name)
        self._templates[template.name] = template

    async def remove(self, name: str) -> None:
        await self.get(name)
        del self._templates[name]

    def drop_of(self, owner: str) -> None:
        """Remove all that a user has."""
        for name in [one.name for one in self._templates.values() if one.owner == owner]:
            del self._templates[name]

    def _is_shared(self, template: Template) -> bool:
        owner = self._users.get(template.owner)
        return not template.owner or (owner is not None and owner.role is Role.ADMIN)


class MemoryImages:
    """``ImageStore`` over a dictionary."""

    def __init__(self) -> None:
        self._records: dict[str, ImageRecord] = {}

    async def insert(self, record: ImageRecord) -> None:
        if record.name in self._records:
            raise AlreadyExists
        self._records[record.name] = record

    async def put(self, record: ImageRecord) -> None:
        self._records[record.name] = record

    async def all(self) -> list[ImageRecord]:
        return [self._records[name] for name in sorted(self._records)]

    async def remove(self, name: str) -> bool:
        return self._records.pop(name, None) is not None


class MemoryChoices:
    """``ChoiceStore`` over a dictionary."""

    def __init__(self) -> None:
        self._choices: dict[tuple[str, str], str] = {}

    async def put(self, owner: str, path: str, image: str, at: Micros) -> None:
        del at
        # Put anew, so that they stand in the order of their age.
        self._choices.pop((owner, path), None)
        self._choices[owner, path] = image
        mine = [key for key in self._choices if key[0] == owner]
        for key in mine[:-MOST_CHOICES]:
            del self._choices[key]

    async def get(self, owner: str, path: str) -> str | None:
        return self._choices.get((owner, path))

    async def remove(self, owner: str, path: str) -> bool:
        return self._choices.pop((owner, path), None) is not None

    def drop_of(self, owner: str) -> None:
        """Forget all that somebody has chosen."""
        for key in [key for key in self._choices if key[0] == owner]:
            del self._choices[key]
