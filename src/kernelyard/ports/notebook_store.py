"""The part of a store that keeps notebook specs."""

from __future__ import annotations

from typing import Protocol

from kernelyard.model.notebook_specs import NotebookSpec


class NotebookSpecStore(Protocol):
    """Notebook specs."""

    async def insert(self, spec: NotebookSpec) -> None:
        """Keep a new one. Raises AlreadyExists."""
        ...

    async def get(self, name: str) -> NotebookSpec:
        """Raises NotebookSpecNotFound."""
        ...

    async def all(self) -> list[NotebookSpec]:
        """Every spec, by name."""
        ...

    async def replace(self, spec: NotebookSpec) -> None:
        """Raises NotebookSpecNotFound."""
        ...

    async def remove(self, name: str) -> None:
        """Raises NotebookSpecNotFound."""
        ...
