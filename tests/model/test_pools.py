"""How pools grow and shrink, what suits whom, and what settings may say of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.model.errors import Invalid
from kernelyard.model.images import Image
from kernelyard.model.pools import (
    CALM,
    LONGEST_PAUSE,
    Pool,
    PoolOrder,
    applied,
    calmed,
    declared_pool,
    demanded,
    pause_after,
    pool_digest,
    resized,
)
from kernelyard.model.templates import StartWay, TemplateSpec

NOON = 1_750_000_000_000_000
POOL = Pool(
    image="python3",
    reference="kernelspec/python3",
    template="default",
    size=2,
    least=1,
    most=4,
    target=2,
    demanded_at=NOON,
)
IMAGE = Image(
    name="python3",
    reference="kernelspec/python3",
    display_name="Python 3",
    language="python",
    version="3.12",
    resources=(),
    problem=None,
    disabled=False,
    registered=False,
)


def test_a_create_that_finds_none_adds_one_and_one_that_finds_any_does_not() -> None:
    missed = demanded(POOL, NOON + 1, found=False)
    assert (missed.target, missed.missed, missed.claimed) == (3, 1, 0)
    found = demanded(POOL, NOON + 1, found=True)
    assert (found.target, found.missed, found.claimed) == (2, 0, 1)


def test_calm_takes_one_away_after_the_other() -> None:
    assert calmed(POOL, NOON + CALM - 1) is POOL
    calm = calmed(POOL, NOON + CALM)
    assert calm.target == 1
    assert calmed(calm, NOON + 100 * CALM) is calm


def test_a_pool_of_a_fixed_size_never_moves() -> None:
    fixed = resized(POOL, 2, 2, 2, NOON)
    assert demanded(fixed, NOON, found=False).target == 2
    assert calmed(fixed, NOON + 100 * CALM).target == 2


@given(st.lists(st.tuples(st.sampled_from(["found", "missed", "calm"]), st.integers(0, 2 * CALM))))
def test_its_target_stays_within_its_bounds(steps: list[tuple[str, int]]) -> None:
    pool, now = POOL, NOON
    for what, passed in steps:
        now += passed
        pool = calmed(pool, now) if what == "calm" else demanded(pool, now, found=what == "found")
        assert pool.least <= pool.target <= pool.most


def test_pauses_grow_to_a_bound() -> None:
    pauses = [pause_after(failures) for failures in range(40)]
    assert pauses[:4] == [0, 1_000_000, 2_000_000, 4_000_000]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE


@pytest.mark.parametrize(
    "other",
    [
        TemplateSpec(environment={"A": "1"}),
        TemplateSpec(memory_bytes_limit=1),
        TemplateSpec(preload=("numpy",)),
        TemplateSpec(start=StartWay.EXEC),
    ],
)
def test_kernels_of_other_templates_do_not_suit(other: TemplateSpec) -> None:
    assert pool_digest(IMAGE, other) != pool_digest(IMAGE, TemplateSpec())


def test_what_an_image_is_called_does_not_matter_and_what_it_is_does() -> None:
    mine = pool_digest(IMAGE, TemplateSpec())
    assert pool_digest(replace(IMAGE, name="mine", display_name="Mine"), TemplateSpec()) == mine
    assert pool_digest(replace(IMAGE, version="3.13"), TemplateSpec()) != mine
    assert pool_digest(replace(IMAGE, reference="conda/x"), TemplateSpec()) != mine


def test_only_what_goes_beyond_the_template_is_applied() -> None:
    same = applied({"A": "1"}, {"A": "1"}, None)
    assert same.nothing
    more = applied({"A": "1"}, {"A": "2", "B": "3"}, None)
    assert (more.environment, more.nothing) == ({"A": "2", "B": "3"}, False)
    assert not more.needs_fresh_process
    assert applied({}, {"PYTHONPATH": "x"}, None).needs_fresh_process
    assert not applied({}, {}, "a.ipynb").nothing


def test_settings_say_what_is_kept_ready() -> None:
    assert declared_pool("a", {"image": "python3"}) == PoolOrder(image="python3", size=1)
    table = {"image": "r", "template": "small", "size": 4, "min": 2, "max": 8}
    order = PoolOrder(image="r", template="small", size=4, least=2, most=8)
    assert declared_pool("a", table) == order


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({}, "must say of which image"),
        ({"image": 3}, "'pools.a.image' must be text"),
        ({"image": "r", "size": "two"}, "'pools.a.size' must be a number"),
        ({"image": "r", "size": True}, "'pools.a.size' must be a number"),
        ({"image": "r", "colour": "red"}, "'pools.a.colour' is not known"),
        ({"image": "r", "size": 2, "max": 1}, "'max' must not be below"),
    ],
)
def test_settings_that_are_wrong_are_refused(table: dict[str, object], told: str) -> None:
    with pytest.raises(Invalid, match=told):
        declared_pool("a", table)
