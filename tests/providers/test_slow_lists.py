"""A provider that is slow or fails once it has listed something: its last list is shown, with a mark."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from kernelyard.model.errors import ImageNotReady, Invalid
from kernelyard.providers.catalogue import Catalogue
from kernelyard.providers.launcher import LaunchRequest
from kernelyard.wire.link import ImageList

from tests.support.agent_process import wait_until
from tests.support.changing_provider import CHANGING, Changing
from tests.support.misfit_providers import entry

GOOD = entry("good", "WellBehaved")
ASKED = LaunchRequest(kernel_id="00000000-0000-4000-8000-000000000000")


@pytest.fixture(autouse=True)
def place(tmp_path: Path) -> Iterator[Path]:
    Changing.begin(tmp_path)
    (tmp_path / "one").touch()
    yield tmp_path
    Changing.gate.set()


def names(images: ImageList) -> list[str]:
    return [image.reference for image in images.images]


def a_catalogue(**more: float | bool) -> Catalogue:
    settings = {"keep_seconds": 0, "known_seconds": 0.05, "time_limit": 20, **more}
    return Catalogue([CHANGING, GOOD], **settings)  # type: ignore[arg-type]


async def until_listed(catalogue: Catalogue, wanted: list[str]) -> ImageList:
    async with asyncio.timeout(20):
        while names(images := await catalogue.images()) != wanted:
            await asyncio.sleep(0)
    return images


async def test_the_last_list_of_a_slow_provider_is_shown_while_it_looks_again(place: Path) -> None:
    catalogue = a_catalogue()
    first = await catalogue.images()
    assert (names(first), first.slow) == (["changing/one", "good/one", "good/two"], [])
    Changing.gate.clear()
    (place / "two").touch()
    async with asyncio.timeout(20):
        while not (images := await catalogue.images()).slow:
            pass
    assert names(images) == names(first)
    assert images.broken == []
    (slow,) = images.slow
    assert (slow.provider, slow.listed_at > 1_600_000_000_000_000) == ("changing", True)
    Changing.gate.set()
    new = await until_listed(catalogue, ["changing/one", "changing/two", "good/one", "good/two"])
    assert new.slow == []


async def test_one_that_hangs_is_said_to_be_broken_and_its_last_list_stays() -> None:
    catalogue = a_catalogue(time_limit=0.3)
    await catalogue.images()
    await wait_until(lambda: catalogue.listings["changing"].known is not None)
    Changing.gate.clear()
    images = await catalogue.images(refresh=True)
    (broken,) = images.broken
    assert "did not answer within 0.3 s" in broken.problem
    assert broken.listed_at is not None
    assert "changing/one" in names(images)


async def test_one_that_fails_is_said_to_be_broken_and_its_last_list_stays() -> None:
    catalogue = a_catalogue()
    before = (await catalogue.images()).version
    Changing.fails = True
    images = await catalogue.images(refresh=True)
    (broken,) = images.broken
    assert "RuntimeError: the tool is broken" in broken.problem
    assert broken.listed_at is not None
    assert "changing/one" in names(images)
    Changing.fails = False
    mended = await catalogue.images(refresh=True)
    assert mended.broken == []
    assert (await catalogue.images()).version > before


async def test_who_asks_to_look_again_waits_for_the_new_list(place: Path) -> None:
    catalogue = a_catalogue(known_seconds=0)
    await catalogue.images()
    (place / "two").touch()
    Changing.gate.clear()
    refreshing = asyncio.create_task(catalogue.images(refresh=True))
    await wait_until(lambda: Changing.looks == 2)
    Changing.gate.set()
    assert "changing/two" in names(await refreshing)


async def test_the_version_grows_when_the_list_becomes_another_and_only_then(place: Path) -> None:
    catalogue = a_catalogue()
    await catalogue.images()
    first = await catalogue.images(refresh=True)
    assert (await catalogue.images(refresh=True)).version == first.version
    (place / "two").touch()
    await catalogue.images(refresh=True)
    second = await catalogue.images()
    assert second.version > first.version
    assert second.began == first.began


async def test_who_waits_for_changes_is_answered_when_there_is_one(place: Path) -> None:
    catalogue = a_catalogue()
    await catalogue.images()
    now = (await catalogue.images()).version
    assert (await catalogue.new_images(now - 1, 20)).version == now
    assert (await catalogue.new_images(now, 0.01)).version == now
    waiting = asyncio.create_task(catalogue.new_images(now, 20))
    await asyncio.sleep(0)
    (place / "two").touch()
    await catalogue.images(refresh=True)
    changed = await waiting
    assert changed.version > now
    assert "changing/two" in names(changed)


async def test_waiting_for_changes_does_not_look_by_itself() -> None:
    catalogue = a_catalogue()
    listed = await catalogue.new_images(0, 20)
    assert "changing/one" in names(listed)
    looks = Changing.looks
    for _ in range(3):
        await catalogue.new_images((await catalogue.new_images(0, 0)).version, 0.01)
    assert Changing.looks == looks


async def test_what_an_image_declares_is_offered_checked_and_filled_in() -> None:
    free = {"type": "string", "default": "x"}
    Changing.parameters = {"properties": {"level": {"enum": ["low"]}, "free": free}}
    catalogue = a_catalogue()
    image = (await catalogue.images()).images[0]
    assert image.parameters["properties"] == {"level": {"enum": ["low"]}}
    await catalogue.check("changing", "one", {"level": "low"})
    with pytest.raises(Invalid):
        await catalogue.check("changing", "one", {"level": "high"})
    with pytest.raises(Invalid):
        await catalogue.prepare("changing", "one", ASKED)
    asked = LaunchRequest(kernel_id=ASKED.kernel_id, parameters={"level": "low"})
    plan = await catalogue.prepare("changing", "one", asked)
    assert plan.blanks == {"level": "low", "free": "x"}
    assert plan.env == {"GIVEN": "{'free': 'x', 'level': 'low'}"}


async def test_an_image_that_is_not_safe_is_hidden_and_says_why() -> None:
    Changing.parameters = {"properties": {"any": {"type": "string"}}}
    images = await a_catalogue().images()
    assert names(images) == ["good/one", "good/two"]
    assert [one.reference for one in images.hidden] == ["changing/one"]
    with pytest.raises(ImageNotReady, match="hidden"):
        await a_catalogue().prepare("changing", "one", ASKED)
    allowed = await a_catalogue(allow_insecure_parameters=True).images()
    assert "changing/one" in names(allowed)
    assert allowed.hidden == []


async def test_a_declaration_that_is_none_makes_the_image_not_ready() -> None:
    Changing.parameters = {"properties": {"any": {"type": "nonsense"}}}
    catalogue = a_catalogue()
    image = (await catalogue.images()).images[0]
    assert "no JSON Schema" in (image.problem or "")
    assert image.parameters == {}
    with pytest.raises(ImageNotReady, match="no JSON Schema"):
        await catalogue.prepare("changing", "one", ASKED)
