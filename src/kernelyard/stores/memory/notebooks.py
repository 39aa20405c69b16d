"""Notebook specs in memory."""

from __future__ import annotations

from kernelyard.model.errors import AlreadyExists, NotebookSpecNotFound
from kernelyard.model.notebook_specs import NotebookSpec


class MemoryNotebookSpecs:
    """``NotebookSpecStore`` over a dictionary."""

    def __init__(self) -> None:
        self._specs: dict[str, NotebookSpec] = {}

    async def insert(self, spec: NotebookSpec) -> None:
        if spec.name in self._specs:
            raise AlreadyExists
        self._specs[spec.name] = spec

    async def get(self, name: str) -> NotebookSpec:
        try:
            return self._specs[name]
        except KeyError:
            raise NotebookSpecNotFound from None

    async def all(self) -> list[NotebookSpec]:
        return [self._specs[name] for name in sorted(self._specs)]

    async def replace(self, spec: NotebookSpec) -> None:
        await self.get(spec.name)
        self._specs[spec.name] = spec

    async def remove(self, name: str) -> None:
        await self.get(name)
        del self._specs[name]
