"""What every store does with notebook specs."""

# ruff: noqa: S101 - this is a test suite

from __future__ import annotations

from dataclasses import replace

import pytest

from kernelyard.model.errors import AlreadyExists, NotebookSpecNotFound
from kernelyard.model.notebook_specs import NotebookSpec
from kernelyard.ports.stores import Store
from kernelyard.testing.stores.builders import NOON
from kernelyard.testing.stores.opening import Opening


def a_notebook_spec(name: str) -> NotebookSpec:
    """A spec with something in every field."""
    return NotebookSpec(
        name=name, display_name="Größe", image="python", template="small", created_at=NOON
    )


class NotebookSpecConformance(Opening):
    """Notebook specs are kept under their names."""

    async def test_a_notebook_spec_comes_back_as_it_was_put_in(self, store: Store) -> None:
        await store.notebook_specs.insert(a_notebook_spec("one"))
        assert await store.notebook_specs.get("one") == a_notebook_spec("one")
        with pytest.raises(AlreadyExists):
            await store.notebook_specs.insert(a_notebook_spec("one"))

    async def test_notebook_specs_are_listed_by_name(self, store: Store) -> None:
        for name in ("b", "a-b", "a"):
            await store.notebook_specs.insert(a_notebook_spec(name))
        listed = await store.notebook_specs.all()
        assert listed == [a_notebook_spec(name) for name in ("a", "a-b", "b")]

    async def test_a_notebook_spec_is_replaced_and_removed(self, store: Store) -> None:
        await store.notebook_specs.insert(a_notebook_spec("one"))
        changed = replace(a_notebook_spec("one"), disabled=True, image="r", updated_at=NOON + 1)
        await store.notebook_specs.replace(changed)
        assert await store.notebook_specs.all() == [changed]
        await store.notebook_specs.remove("one")
        assert await store.notebook_specs.all() == []

    async def test_an_unknown_notebook_spec_is_not_found(self, store: Store) -> None:
        with pytest.raises(NotebookSpecNotFound):
            await store.notebook_specs.get("none")
        with pytest.raises(NotebookSpecNotFound):
            await store.notebook_specs.replace(a_notebook_spec("none"))
        with pytest.raises(NotebookSpecNotFound):
            await store.notebook_specs.remove("none")
