"""No more is let in than there is room for; the older are not passed by what takes what they wait for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.model.errors import Invalid, NeverFits
from kernelyard.model.quotas import (
    HELD,
    Amounts,
    Asking,
    Resource,
    Room,
    Rules,
    Spare,
    amount_text,
    check_fits,
    checked_limits,
    checked_priority,
    demand_of,
    let_in,
    limits_of,
    too_many_tasks,
)
from kernelyard.model.templates import TemplateSpec

GIB = 1024**3
amounts = st.fixed_dictionaries(
    {Resource.KERNELS: st.just(1), **{one: st.integers(0, 4) for one in HELD[1:]}}
)
limits = st.dictionaries(st.sampled_from(HELD), st.integers(0, 6))
askings = st.lists(st.tuples(st.sampled_from("ab"), amounts), max_size=12)


def _order(asked: list[tuple[str, Amounts]]) -> list[Asking]:
    return [Asking(no, owner, demand) for no, (owner, demand) in enumerate(asked, 1)]


@given(server=limits, each=limits, asked=askings)
def test_no_more_is_let_in_than_there_is_room_for(
    server: Amounts, each: Amounts, asked: list[tuple[str, Amounts]]
) -> None:
    reasons, _ = let_in(Room(Rules(server, each), {}, {}), _order(asked), [])
    inside = [asked[no - 1] for no, reason in reasons.items() if reason is None]
    for one in HELD:
        held = {owner: sum(d.get(one, 0) for o, d in inside if o == owner) for owner in "ab"}
        assert not server.get(one) or sum(held.values()) <= server[one]
        assert not each.get(one) or max(held.values()) <= each[one]


@given(server=limits, asked=askings)
def test_the_first_is_let_in_if_it_fits_at_all(
    server: Amounts, asked: list[tuple[str, Amounts]]
) -> None:
    reasons, _ = let_in(Room(Rules(server), {}, {}), _order(asked[:1]), [])
    for no, reason in reasons.items():
        try:
            check_fits(asked[no - 1][1], server, {})
        except NeverFits:
            assert reason is not None
        else:
            assert reason is None


@given(server=limits, asked=askings, spares=st.lists(amounts, max_size=4))
def test_spares_give_way_only_to_what_they_are_in_the_way_of(
    server: Amounts, asked: list[tuple[str, Amounts]], spares: list[Amounts]
) -> None:
    used = {one: sum(spare.get(one, 0) for spare in spares) for one in HELD}
    waiting = [Spare(100 + n, demand) for n, demand in enumerate(spares)]
    room = Room(Rules(server), {}, {"": used})
    reasons, given_up = let_in(room, _order(asked), waiting)
    assert len(given_up) == len(set(given_up)) <= len(spares)
    if not any(server.values()) or not asked:
        assert given_up == []
        assert all(reason is None for reason in reasons.values())


def test_what_is_said_of_a_user_is_stronger_also_where_it_lifts_a_limit() -> None:
    rules = Rules(each={Resource.CPU: 2000, Resource.GPU: 1})
    said = {Resource.CPU: 0}
    assert limits_of(rules, said) == {Resource.CPU: 0, Resource.GPU: 1}
    room = Room(rules, {"ada": said}, {})
    assert room.why_not(Asking(1, "ada", {Resource.CPU: 9000})) is None
    assert "your quota is 2 CPU" in (room.why_not(Asking(2, "bob", {Resource.CPU: 9000})) or "")


@pytest.mark.parametrize(
    ("resource", "amount", "text"),
    [
        (Resource.CPU, 2000, "2 CPU"),
        (Resource.CPU, 1500, "1.5 CPU"),
        (Resource.MEMORY, 3 * GIB // 2, "1.5 GiB of memory"),
        (Resource.MEMORY, 100, "100 B of memory"),
        (Resource.GPU, 1, "1 GPU"),
        (Resource.KERNELS, 1, "1 kernel"),
        (Resource.TASKS, 7, "7 queued tasks"),
        (Resource.STORED, 2**40, "1 TiB of outputs"),
    ],
)
def test_amounts_are_written_as_people_write_them(
    resource: Resource, amount: int, text: str
) -> None:
    assert amount_text(resource, amount) == text


def test_a_kernel_holds_what_its_template_says_and_an_attached_one_nothing_but_itself() -> None:
    spec = TemplateSpec(milli_cpu_limit=1500, memory_bytes_limit=GIB, gpu=2)
    assert list(demand_of(spec).values()) == [1, 1500, GIB, 2]
    assert demand_of(spec, owned=False) == {Resource.KERNELS: 1}


def test_limits_and_priorities_are_checked() -> None:
    assert checked_limits({Resource.GPU: 0}) == {Resource.GPU: 0}
    for limit in (-1, 2**53 + 1):
        with pytest.raises(Invalid):
            checked_limits({Resource.GPU: limit})
    assert checked_priority(-100) == -100
    with pytest.raises(Invalid):
        checked_priority(101)


def test_tasks_are_counted_for_their_owner_and_for_all() -> None:
    rules = Rules({Resource.TASKS: 5}, {Resource.TASKS: 2})
    assert too_many_tasks(rules, None, 2, 5) is None
    assert "You may have 2 queued tasks" in (too_many_tasks(rules, None, 3, 5) or "")
    assert "This server takes 5" in (too_many_tasks(rules, {Resource.TASKS: 9}, 3, 6) or "")
