"""Templates and images are read once: what is written is seen by whoever reads afterwards, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from kernelyard.model.errors import TemplateNotFound
from kernelyard.model.images import ImageRecord
from kernelyard.model.principals import User
from kernelyard.model.templates import Template
from kernelyard.stores.sql.sqlite_named import Kept
from kernelyard.stores.sql.store import SqliteStore, open_sqlite


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = await open_sqlite(tmp_path / "kernelyard.db")
    yield store
    await store.aclose()


async def test_what_was_written_is_what_is_read_next(store: SqliteStore) -> None:
    mine = Template(name="mine")
    with pytest.raises(TemplateNotFound):
        await store.templates.get("mine")
    await store.templates.insert(mine)
    assert await store.templates.get("mine") == mine
    changed = replace(mine, display_name="Mine")
    await store.templates.replace(changed)
    assert await store.templates.get("mine") == changed
    await store.templates.remove("mine")
    with pytest.raises(TemplateNotFound):
        await store.templates.get("mine")


async def test_templates_of_a_removed_user_are_gone_also_where_they_were_read_before(
    store: SqliteStore,
) -> None:
    await store.users.insert(User(name="ben"))
    await store.templates.insert(Template(name="his", owner="ben"))
    assert (await store.templates.get("his")).owner == "ben"
    await store.users.remove("ben")
    with pytest.raises(TemplateNotFound):
        await store.templates.get("his")


async def test_images_are_seen_as_they_were_written_last(store: SqliteStore) -> None:
    record = ImageRecord(name="mine", reference="kernelspec/python3")
    assert await store.images.all() == []
    await store.images.put(record)
    found = await store.images.all()
    assert found == [record]
    found.clear()
    assert await store.images.all() == [record], "what a caller does to its list is its own"
    assert await store.images.remove("mine")
    assert await store.images.all() == []
    await store.images.insert(record)
    assert await store.images.all() == [record]


async def test_what_was_read_while_something_is_written_is_not_kept() -> None:
    kept: Kept[str] = Kept()
    value, gate = "old", asyncio.Event()

    async def reading() -> str:
        seen = value
        await gate.wait()
        return seen

    early = asyncio.create_task(kept.read("it", reading))
    await asyncio.sleep(0)

    async def writing() -> None:
        nonlocal value
        value = "new"

    await kept.write(writing())
    gate.set()
    assert await early == "old"
    assert await kept.read("it", reading) == "new"


async def test_a_write_that_nobody_waits_for_any_more_counts_when_it_is_done() -> None:
    kept: Kept[str] = Kept()
    value, gate, written = "old", asyncio.Event(), asyncio.Event()

    async def reading() -> str:
        return value

    async def writing() -> None:
        nonlocal value
        await gate.wait()
        value = "new"
        written.set()

    leaving = asyncio.create_task(kept.write(writing()))
    await asyncio.sleep(0)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    assert await kept.read("it", reading) == "old"
    gate.set()
    await written.wait()
    assert await kept.read("it", reading) == "new"
