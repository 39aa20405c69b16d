"""Giving a kernel away that waits: what is cut off is asked for again, and clients wait for it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from kernelyard.agent.claiming import Claiming
from kernelyard.agent.folder import Folder
from kernelyard.agent.incarnation import Incarnation
from kernelyard.agent.logs import Log
from kernelyard.model.errors import KernelEnded, KernelNotRunning
from kernelyard.model.kernels import LaunchOrder
from kernelyard.model.records import EndCause


class Waiting:
    """A kernel that waits, and has no process that could take up anything."""

    ready_incarnation: Incarnation | None = None

    def __init__(self, folder: Folder) -> None:
        self.order = LaunchOrder(
            kernel_id=folder.kernel_id, attempt=1, provider="p", image="i", pooled=True
        )
        self.ended = asyncio.Event()
        self.cause: EndCause | None = None
        self.fails = False
        """Whether it cannot be started anew just now."""
        self.restarts: list[tuple[int, bool]] = []
        """Starts, and whether the order on the disk said then that it is nobody's."""
        self._folder = folder

    def take(self, order: LaunchOrder) -> None:
        self.order = order

    def restart(self, attempt: int, reason: str, by: str = "") -> None:
        if self.fails:
            raise OSError("no space left")
        self.order = replace(self.order, attempt=attempt)
        self.restarts.append((attempt, self.kept.pooled))

    @property
    def kept(self) -> LaunchOrder:
        """The order on the disk."""
        order = self._folder.read_order()
        assert order is not None
        return order


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """The folder of a kernel."""
    return Folder(tmp_path / str(uuid4()))


@pytest.fixture
def kernel(folder: Folder) -> Waiting:
    """A kernel that waits."""
    kernel = Waiting(folder)
    folder.make()
    folder.write_order(kernel.order)
    return kernel


@pytest.fixture
def claiming(kernel: Waiting, folder: Folder) -> Claiming:
    """What gives it away, without much patience."""
    return Claiming(kernel, folder, Log(), patience=0.01)


def wanted(kernel: Waiting) -> LaunchOrder:
    """What somebody asks for."""
    return replace(kernel.order, pooled=False, environment={"PYTHONPATH": "/somewhere"})


async def test_the_start_that_applies_it_is_begun_before_the_order_says_it_is_done(
    kernel: Waiting, claiming: Claiming
) -> None:
    await claiming.claim(wanted(kernel))
    assert kernel.restarts == [(2, True)]
    assert (kernel.kept.pooled, kernel.kept.attempt) == (False, 2)
    assert kernel.order == kernel.kept
    assert kernel.order.environment == {"PYTHONPATH": "/somewhere"}


async def test_a_claim_whose_start_failed_is_done_when_it_is_repeated(
    kernel: Waiting, claiming: Claiming
) -> None:
    order, kernel.fails = wanted(kernel), True
    with pytest.raises(OSError, match="no space left"):
        await claiming.claim(order)
    assert (kernel.order.pooled, kernel.kept.pooled) == (True, True)
    kernel.fails = False
    await claiming.claim(order)
    await claiming.claim(order)
    assert kernel.restarts == [(2, True)]
    assert not kernel.kept.pooled


async def test_who_waits_for_it_goes_on_when_it_is_given_away(
    kernel: Waiting, folder: Folder
) -> None:
    claiming = Claiming(kernel, folder, Log())
    waits = asyncio.ensure_future(claiming.given())
    await asyncio.sleep(0)
    assert not waits.done()
    await claiming.claim(wanted(kernel))
    await waits
    await claiming.given()


async def test_who_waits_for_long_is_told_to_try_again(claiming: Claiming) -> None:
    with pytest.raises(KernelNotRunning, match="Try again"):
        await claiming.given()


async def test_who_waits_for_one_that_ends_is_told_so(kernel: Waiting, folder: Folder) -> None:
    claiming = Claiming(kernel, folder, Log())
    waits = asyncio.ensure_future(claiming.given())
    await asyncio.sleep(0)
    kernel.cause = EndCause.ASKED
    kernel.ended.set()
    with pytest.raises(KernelEnded):
        await waits
