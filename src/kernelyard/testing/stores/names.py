"""What every store does with templates and images."""

# ruff: noqa: S101 - this is a test suite

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kernelyard.model.errors import AlreadyExists, TemplateNotFound
from kernelyard.model.images import ImageRecord
from kernelyard.model.templates import PodSpec, StartWay, Template, TemplateSpec
from kernelyard.ports.stores import Store
from kernelyard.testing.stores.builders import NOON
from kernelyard.testing.stores.opening import Opening


def a_template(name: str) -> Template:
    """A template with something in every field."""
    spec = TemplateSpec(
        milli_cpu_limit=100,
        memory_bytes_limit=2**33,
        gpu=2,
        storage_bytes=2**40,
        environment={"A": "ä"},
        max_idle_seconds=12.5,
        preload=("numpy", "matplotlib.pyplot"),
        vouched=True,
        start=StartWay.EXEC,
        engine_options={"queue": "long", "nested": {"n": [1, 2.5, None]}},
        pod=PodSpec(
            milli_cpu_request=50,
            memory_bytes_request=2**32,
            gpu_resource="nvidia.com/gpu",
            storage_class="fast",
            manifest="spec: {}\r\n",
        ),
    )
    return Template(
        name=name,
        display_name="Größe",
        owner="ada",
        spec=spec,
        labels={"door": "ä"},
        created_at=NOON,
        updated_at=NOON,
    )


class NameConformance(Opening):
    """Templates and images are kept under their names."""

    async def test_a_template_comes_back_as_it_was_put_in(self, store: Store) -> None:
        await store.templates.insert(a_template("small"))
        assert await store.templates.get("small") == a_template("small")
        with pytest.raises(AlreadyExists):
            await store.templates.insert(a_template("small"))

    async def test_templates_are_listed_by_name(self, store: Store) -> None:
        for name in ("b", "a", "C", "a-b", "a.b"):
            await store.templates.insert(a_template(name))
        listed = [template.name for template in await store.templates.find(None, 100)]
        assert listed == ["C", "a", "a-b", "a.b", "b"]
        assert [one.name for one in await store.templates.find("a", 2)] == ["a-b", "a.b"]
        assert await store.templates.find("b", 2) == []

    async def test_a_template_is_replaced_and_removed(self, store: Store) -> None:
        await store.templates.insert(a_template("small"))
        changed = replace(a_template("small"), disabled=True, spec=TemplateSpec(), updated_at=1)
        await store.templates.replace(changed)
        assert await store.templates.get("small") == changed
        await store.templates.remove("small")
        assert await store.templates.find(None, 10) == []

    async def test_an_unknown_template_is_not_found(self, store: Store) -> None:
        with pytest.raises(TemplateNotFound):
            await store.templates.get("none")
        with pytest.raises(TemplateNotFound):
            await store.templates.replace(a_template("none"))
        with pytest.raises(TemplateNotFound):
            await store.templates.remove("none")

    async def test_images_are_put_listed_and_removed(self, store: Store) -> None:
        one = ImageRecord(name="r:4", reference="kernelspec/ir", created_at=NOON, updated_at=NOON)
        two = ImageRecord(
            name="Py",
            reference="container/py:3",
            display_name="Python",
            language="python",
            labels={"door": "ä"},
        )
        for record in (one, two):
            await store.images.put(record)
        assert await store.images.all() == [two, one]
        disabled = replace(one, disabled=True)
        await store.images.put(disabled)
        assert await store.images.all() == [two, disabled]
        assert await store.images.remove("r:4")
        assert not await store.images.remove("r:4")
        assert await store.images.all() == [two]

    async def test_one_of_those_who_give_an_image_the_same_name_at_once_succeeds(
        self, store: Store
    ) -> None:
        records = [ImageRecord(name="r:4", reference=f"container/r:{n}") for n in range(4)]
        ends = await asyncio.gather(
            *(store.images.insert(record) for record in records), return_exceptions=True
        )
        refused = [end for end in ends if isinstance(end, AlreadyExists)]
        assert len(refused) == len(records) - 1
        (kept,) = await store.images.all()
        assert kept == records[ends.index(None)]

    async def test_an_open_store_answers(self, store: Store) -> None:
        await store.ping()
