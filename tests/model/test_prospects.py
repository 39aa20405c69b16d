"""When a kernel will be ended, as far as its row tells."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kernelyard.model.images import ImageSnapshot
from kernelyard.model.kernel_phases import Phase, Wanted
from kernelyard.model.kernels import Kernel
from kernelyard.model.prospects import Prospect, prospect_of
from kernelyard.model.records import EndCause
from kernelyard.model.templates import TemplateSnapshot, TemplateSpec

SECOND = 1_000_000


def a_kernel(*, idle: float | None = None, life: float | None = None) -> Kernel:
    """A kernel that is ready and idle since 100 s, launched at 50 s."""
    spec = TemplateSpec(max_idle_seconds=idle, max_life_seconds=life)
    return Kernel(
        no=1,
        id="k",
        owner="ann",
        image=ImageSnapshot(name="i", reference="p/i", display_name="I", language="x"),
        template=TemplateSnapshot(name="t", spec=spec),
        phase=Phase.READY,
        created_at=40 * SECOND,
        launched_at=50 * SECOND,
        last_activity_at=100 * SECOND,
    )


def test_without_limits_nothing_is_due() -> None:
    assert prospect_of(a_kernel()) is None


def test_an_idle_kernel_ends_so_long_after_its_last_activity() -> None:
    due = prospect_of(a_kernel(idle=30))
    assert due == Prospect(130 * SECOND, EndCause.IDLE, "it is idle, and its template limits that")


def test_a_life_is_counted_from_the_launch() -> None:
    due = prospect_of(a_kernel(life=600))
    assert due is not None
    assert (due.at, due.cause) == (650 * SECOND, EndCause.LIFE_LIMIT)


@pytest.mark.parametrize(("idle", "life", "cause"), [(30, 600, "idle"), (900, 600, "life_limit")])
def test_of_two_ends_the_first_counts(idle: float, life: float, cause: str) -> None:
    due = prospect_of(a_kernel(idle=idle, life=life))
    assert due is not None
    assert due.cause == cause


@pytest.mark.parametrize(
    "change",
    [
        {"open_tasks": 1},
        {"current_seq": 3},
        {"phase": Phase.CONNECTING},
        {"last_activity_at": None},
        {"wanted": Wanted.STOP},
        {"phase": Phase.FAILED},
    ],
)
def test_what_is_not_idle_will_not_end_for_it(change: dict[str, object]) -> None:
    assert prospect_of(replace(a_kernel(idle=30), **change)) is None


def test_a_busy_kernel_still_has_a_life_to_end() -> None:
    due = prospect_of(replace(a_kernel(idle=30, life=600), current_seq=1, open_tasks=1))
    assert due is not None
    assert due.cause is EndCause.LIFE_LIMIT


def test_one_that_was_never_launched_has_no_age() -> None:
    assert prospect_of(replace(a_kernel(life=1), launched_at=None)) is None
