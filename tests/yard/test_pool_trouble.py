"""What goes wrong with kernels of a pool makes pauses that grow, until one keeps being ready."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kernelyard.model.images import ImageSnapshot
from kernelyard.model.kernel_phases import Phase
from kernelyard.model.kernels import Kernel
from kernelyard.model.pools import PoolOrder
from kernelyard.model.records import EndCause
from kernelyard.model.templates import TemplateSnapshot, TemplateSpec
from kernelyard.yard.pool_trouble import STEADY, PoolTrouble

from tests.support.yard_house import ADMIN, YardHouse, eventually

SECOND = 1_000_000
NOW = 1_000 * SECOND
KERNEL = Kernel(
    no=1,
    id="a",
    owner="",
    image=ImageSnapshot(name="i", reference="p/i", display_name="I", language="python"),
    template=TemplateSnapshot(name="default", spec=TemplateSpec()),
    created_at=NOW,
    phase=Phase.READY,
    ready_at=NOW + SECOND,
)


def test_what_ends_together_counts_once() -> None:
    trouble = PoolTrouble()
    for _ in range(5):
        trouble.note_restart(KERNEL, NOW)
    assert (trouble.failures, trouble.until) == (1, NOW + SECOND)
    trouble.note_end(KERNEL, NOW + SECOND)
    assert (trouble.failures, trouble.until) == (2, NOW + 3 * SECOND)


def test_an_end_that_was_asked_for_is_no_trouble() -> None:
    trouble = PoolTrouble()
    trouble.note_end(replace(KERNEL, cause=EndCause.ASKED), NOW)
    assert trouble == PoolTrouble()


def test_being_ready_is_a_good_sign_only_after_a_while() -> None:
    trouble = PoolTrouble()
    trouble.note_restart(KERNEL, NOW)
    trouble.note_ready([KERNEL], NOW + STEADY)
    assert trouble.failures == 1
    assert trouble.reason is not None
    trouble.note_ready([KERNEL], NOW + SECOND + STEADY)
    assert (trouble.failures, trouble.reason) == (0, None)


@pytest.mark.parametrize("ready_at", [None, NOW - SECOND])
def test_one_that_was_ready_before_is_no_sign(ready_at: int | None) -> None:
    trouble = PoolTrouble()
    trouble.note_restart(KERNEL, NOW)
    trouble.note_ready([replace(KERNEL, ready_at=ready_at)], NOW + 9 * STEADY)
    assert trouble.failures == 1


async def test_a_pool_that_is_set_again_begins_anew(house: YardHouse) -> None:
    async def paused(text: str) -> None:
        async def told() -> bool:
            (one,) = await house.yard.pools.list(ADMIN)
            return text in (one.pool.reason or "")

        await eventually(told)

    await house.yard.pools.set(ADMIN, PoolOrder(image="stillborn"))
    await paused("now 2 s")
    await house.yard.pools.set(ADMIN, PoolOrder(image="stillborn"))
    await paused("now 1 s")
