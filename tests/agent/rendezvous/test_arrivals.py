"""Being told of what comes to a directory."""

from __future__ import annotations

import asyncio
from pathlib import Path

from kernelyard.agent.rendezvous.arrivals import Arrivals


async def test_a_new_file_is_told_before_it_would_be_looked_for(tmp_path: Path) -> None:
    with Arrivals(tmp_path) as arrivals:
        for name in ("a", "b"):
            (tmp_path / name).touch()
            assert await arrivals.next()
        (tmp_path / ".c").touch()
        (tmp_path / ".c").rename(tmp_path / "c")
        assert await arrivals.next()


async def test_where_nothing_comes_it_is_looked_all_the_same(tmp_path: Path) -> None:
    with Arrivals(tmp_path) as arrivals:
        async with asyncio.timeout(20):
            assert not await arrivals.next()


async def test_what_cannot_be_watched_is_looked_at_now_and_then(tmp_path: Path) -> None:
    with Arrivals(tmp_path / "missing") as arrivals:
        async with asyncio.timeout(20):
            assert not await arrivals.next()


async def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    before = open_descriptors()
    for _ in range(3):
        with Arrivals(tmp_path):
            pass
    await asyncio.get_running_loop().shutdown_default_executor()
    assert open_descriptors() == before


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
