"""Kernels that wait are looked at whatever becomes of one of them, and started anew when they are outdated."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from kernelyard.agent.logs import Log
from kernelyard.agent.places import kernel_dir
from kernelyard.agent.standing_by import StandingBy
from kernelyard.agent.zygote.fingerprint import Fingerprint
from kernelyard.agent.zygote.sources import sources_of
from kernelyard.model.errors import KernelEnded
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.records import EndCause

from tests.support.agent_process import wait_until


class Waiting:
    """A kernel whose process is this one, begun so long ago that everything has changed since."""

    def __init__(self, data_dir: Path, *, ends: bool = False) -> None:
        self.id = str(uuid4())
        self.order = LaunchOrder(kernel_id=self.id, attempt=1, provider="p", image="i", pooled=True)
        self.cause: EndCause | None = None
        resources = SimpleNamespace(pid=os.getpid())
        self.ready_incarnation: Any = SimpleNamespace(launcher=SimpleNamespace(resources=resources))
        self.restarts: list[str] = []
        self._ends = ends
        noted = kernel_dir(data_dir, self.id) / "process.json"
        noted.parent.mkdir(parents=True)
        noted.touch()
        os.utime(noted, (1, 1))

    def restart(self, attempt: int, reason: str) -> None:
        self.restarts.append(reason)
        if self._ends:
            raise KernelEnded


@contextmanager
def looking(data_dir: Path, *kernels: Waiting) -> Iterator[None]:
    """While this lasts they are looked at, again and again."""
    work = StandingBy(lambda: kernels, data_dir, Log(), seconds=0).run()
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        assert not task.done()
        task.cancel()


async def test_one_that_ends_meanwhile_does_not_cost_the_others(tmp_path: Path) -> None:
    ends, other = Waiting(tmp_path, ends=True), Waiting(tmp_path)
    with looking(tmp_path, ends, other):
        await wait_until(lambda: bool(other.restarts))
    assert "has changed" in other.restarts[0]


async def test_one_that_is_about_to_end_is_left_alone(tmp_path: Path) -> None:
    ends, other = Waiting(tmp_path), Waiting(tmp_path)
    ends.cause = EndCause.ASKED
    with looking(tmp_path, ends, other):
        await wait_until(lambda: bool(other.restarts))
    assert ends.restarts == []


def test_a_time_that_has_not_come_yet_is_no_change(tmp_path: Path) -> None:
    begun = time.time() - 60
    at = begun + 3600
    os.utime(tmp_path, (at, at))
    assert Fingerprint.taken([str(tmp_path)], ()).changed_since(begun) == ""


def test_packages_are_found_where_a_distribution_puts_them(tmp_path: Path) -> None:
    for place in ("lib/python3", "local/lib/python3.12"):
        (tmp_path / place / "dist-packages").mkdir(parents=True)
    near = sources_of(tmp_path / "none", [str(tmp_path / "bin" / "python3")], {}).near
    assert str(tmp_path / "lib/python3/dist-packages") in near
    assert str(tmp_path / "local/lib/python3.12/dist-packages") in near
