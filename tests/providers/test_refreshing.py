"""Lists are kept new in the background while somebody waits for changes, and only then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from kernelyard.providers.catalogue import Catalogue
from kernelyard.providers.refreshing import Refreshing
from kernelyard.providers.watched import Watched, watched_by
from kernelyard.wire.link import ImageList

from tests.support.agent_process import wait_until
from tests.support.changing_provider import CHANGING, Changing

SECONDS = 30.0
LONG = 1000.0


@pytest.fixture(autouse=True)
def place(tmp_path: Path) -> Path:
    Changing.begin(tmp_path / "images")
    (tmp_path / "images").mkdir()
    return tmp_path / "images"


@asynccontextmanager
async def refreshed(interval: float, *, interested: bool = True) -> AsyncIterator[Catalogue]:
    """A catalogue that is kept new, with somebody who waits for changes."""
    catalogue = Catalogue([CHANGING])
    work = asyncio.create_task(Refreshing(catalogue, interval, settling=(0.1, 0.5)).run())
    if interested:
        await catalogue.new_images(0, 0)
    yield catalogue
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)


async def listed(catalogue: Catalogue, *names: str) -> ImageList:
    """Wait for a list of these images, without looking."""
    async with asyncio.timeout(SECONDS):
        images = await catalogue.new_images(0, 0)
        while [image.name for image in images.images] != list(names):
            images = await catalogue.new_images(images.version, SECONDS)
    return images


async def test_files_that_appear_and_go_are_seen_by_watching(place: Path) -> None:
    async with refreshed(LONG) as catalogue:
        await listed(catalogue)
        (place / "one").touch()
        await listed(catalogue, "one")
        (place / "two").touch()
        await listed(catalogue, "one", "two")
        (place / "one").unlink()
        await listed(catalogue, "two")


async def test_a_directory_that_does_not_exist_yet_is_watched_for(place: Path) -> None:
    Changing.place = place / "deep" / "down"
    async with refreshed(LONG) as catalogue:
        await listed(catalogue)
        Changing.place.mkdir(parents=True)
        (Changing.place / "one").touch()
        await listed(catalogue, "one")


async def test_without_anything_to_watch_it_is_looked_at_intervals(place: Path) -> None:
    Changing.watches = False
    async with refreshed(0.05) as catalogue:
        await listed(catalogue)
        (place / "one").touch()
        await listed(catalogue, "one")


async def test_while_nobody_waits_nothing_is_looked_at(place: Path) -> None:
    async with refreshed(0.01, interested=False) as catalogue:
        for _ in range(20):
            await asyncio.to_thread(place.exists)
        assert Changing.looks == 0
        await catalogue.new_images(0, 0)
        looks = Changing.looks
        await wait_until(lambda: Changing.looks > looks)


async def test_a_provider_that_hangs_is_not_asked_again_and_again(place: Path) -> None:
    async with refreshed(0.01) as catalogue:
        Changing.gate.clear()
        await wait_until(lambda: catalogue.listings["changing"].due(0) is None)
        looks = Changing.looks
        for name in ("one", "two", "three"):
            (place / name).touch()
            await asyncio.to_thread(place.exists)
        assert Changing.looks == looks
        Changing.gate.set()
        await listed(catalogue, "one", "three", "two")


def test_a_path_is_touched_by_itself_and_by_what_is_directly_in_it(tmp_path: Path) -> None:
    (watched,) = watched_by([tmp_path])
    assert watched == Watched(tmp_path, tmp_path)
    assert watched.touched_by(tmp_path)
    assert watched.touched_by(tmp_path / "one")
    assert not watched.touched_by(tmp_path / "one" / "two")
    assert not watched.touched_by(tmp_path.parent)


def test_what_does_not_exist_is_watched_for_from_the_nearest_directory_that_does(
    tmp_path: Path,
) -> None:
    missing = tmp_path / "share" / "jupyter" / "kernels"
    (watched,) = watched_by([missing])
    assert watched.root == tmp_path
    assert watched.touched_by(tmp_path / "share")
    assert watched.touched_by(missing)
    assert not watched.touched_by(tmp_path / "other")
    assert not watched.touched_by(missing / "one")


def test_a_file_is_watched_in_its_directory(tmp_path: Path) -> None:
    file = tmp_path / "environments.txt"
    file.touch()
    (watched,) = watched_by([file])
    assert watched.root == tmp_path
    assert watched.touched_by(file)
    assert not watched.touched_by(tmp_path / "other.txt")
