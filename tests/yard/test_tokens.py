"""A user has several tokens, each for something; none makes one that may do more than itself."""

from __future__ import annotations

import pytest

from kernelyard.model.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Invalid,
    TokenNotFound,
    UserNotFound,
)
from kernelyard.model.principals import Principal, Role, Scope

from tests.support.gate import OWN
from tests.support.yard_house import ADMIN, YardHouse

USERS = {Scope.READ, Scope.RUN, Scope.MANAGE}


async def a_user(house: YardHouse, name: str = "ann", **fields: object) -> Principal:
    """Somebody who has come in with a token of his."""
    _, text = await house.yard.tokens.create(ADMIN, name, **fields)  # type: ignore[arg-type]
    return await house.yard.access.authenticate(text)


async def test_an_administrator_adds_the_user_with_his_first_token(house: YardHouse) -> None:
    record, _ = await house.yard.tokens.create(ADMIN, "ann")
    assert (record.user, record.name, record.role) == ("ann", "ann", Role.USER)
    assert record.scopes == USERS
    chief, _ = await house.yard.tokens.create(ADMIN, "chief", Role.ADMIN)
    assert chief.scopes == set(Scope)
    assert (await house.store.users.get("chief")).role is Role.ADMIN


async def test_a_user_has_one_token_of_each_name(house: YardHouse) -> None:
    await house.yard.tokens.create(ADMIN, "ann")
    await house.yard.tokens.create(ADMIN, "laptop", user="ann")
    with pytest.raises(AlreadyExists, match="laptop"):
        await house.yard.tokens.create(ADMIN, "laptop", user="ann")
    with pytest.raises(AlreadyExists):
        await house.yard.tokens.create(ADMIN, "ann", Role.USER)
    await house.yard.tokens.create(ADMIN, "laptop", user="admin")
    with pytest.raises(UserNotFound):
        await house.yard.tokens.create(ADMIN, "laptop", user="nobody")


async def test_a_token_changes_nobodys_role(house: YardHouse) -> None:
    await house.yard.tokens.create(ADMIN, "ann")
    with pytest.raises(Conflict, match="role"):
        await house.yard.tokens.create(ADMIN, "again", Role.ADMIN, user="ann")
    with pytest.raises(Invalid, match="admin"):
        await house.yard.tokens.create(ADMIN, "admin")


async def test_users_make_see_and_revoke_their_own(house: YardHouse) -> None:
    ann = await a_user(house)
    await a_user(house, "ben")
    record, text = await house.yard.tokens.create(ann, "ci", scopes=["run"])
    assert (record.user, record.scopes) == ("ann", {Scope.READ, Scope.RUN})
    assert [token.name for token in await house.yard.tokens.list(ann)] == ["ann", "ci"]
    assert len(await house.yard.tokens.list(ADMIN)) == 3
    assert len(await house.yard.tokens.list(ADMIN, "ben")) == 1
    assert (await house.yard.access.authenticate(text)).name == "ann"
    await house.yard.tokens.remove(ann, record.id)
    with pytest.raises(TokenNotFound):
        await house.yard.tokens.remove(ann, record.id)


async def test_users_have_nothing_to_do_with_those_of_others(house: YardHouse) -> None:
    ann = await a_user(house)
    await a_user(house, "ben")
    (bens,) = await house.yard.tokens.list(ADMIN, "ben")
    with pytest.raises(TokenNotFound):
        await house.yard.tokens.remove(ann, bens.id)
    for asked in (
        house.yard.tokens.list(ann, "ben"),
        house.yard.tokens.create(ann, "mine", user="ben"),
        house.yard.tokens.create(ann, "mine", Role.ADMIN),
    ):
        with pytest.raises(Forbidden):
            await asked


async def test_no_token_makes_one_that_may_do_more(house: YardHouse) -> None:
    narrow = await a_user(house, "ann", scopes=["manage"])
    with pytest.raises(Forbidden, match="run"):
        await house.yard.tokens.create(narrow, "wide", scopes=["run"])
    made, _ = await house.yard.tokens.create(narrow, "same")
    assert made.scopes == {Scope.READ, Scope.MANAGE}
    reader = await a_user(house, "ben", scopes=["read"])
    with pytest.raises(Forbidden, match="manage"):
        await house.yard.tokens.create(reader, "wide")


async def test_no_token_makes_one_that_lives_longer(house: YardHouse) -> None:
    short = await a_user(house, seconds=3600)
    for seconds in (None, 7200):
        with pytest.raises(Forbidden, match="longer"):
            await house.yard.tokens.create(short, "long", seconds=seconds)
    made, _ = await house.yard.tokens.create(short, "shorter", seconds=600)
    assert made.expires_at is not None


@pytest.mark.parametrize("name", ["ann", "admin"])
async def test_a_token_that_was_traded_makes_none_that_lives_longer(
    house: YardHouse, name: str
) -> None:
    _, ann = await house.yard.tokens.create(ADMIN, "ann")
    traded, _ = await house.yard.access.exchange(OWN if name == "admin" else ann, 3600)
    who = await house.yard.access.authenticate(traded)
    for seconds in (None, 7200):
        with pytest.raises(Forbidden, match="longer"):
            await house.yard.tokens.create(who, "long", user=name, seconds=seconds)
    await house.yard.tokens.create(who, "shorter", user=name, seconds=600)


@pytest.mark.parametrize("traded", [True, False], ids=["traded", "with-an-end"])
async def test_what_an_administrator_makes_for_others_ends_with_what_he_came_with(
    house: YardHouse, traded: bool
) -> None:
    yard = house.yard
    chief = await a_user(house, "chief", role=Role.ADMIN, seconds=3600)
    await yard.tokens.create(ADMIN, "ann")
    if traded:
        chief = await yard.access.authenticate((await yard.access.exchange(OWN, 3600))[0])
    for seconds in (None, 7200):
        with pytest.raises(Forbidden, match="longer"):
            await yard.tokens.create(chief, "evil", Role.ADMIN, seconds=seconds)
        with pytest.raises(Forbidden, match="longer"):
            await yard.tokens.create(chief, "more", user="ann", seconds=seconds)
    with pytest.raises(UserNotFound):
        await yard.users.get(ADMIN, "evil")
    made, _ = await yard.tokens.create(chief, "aide", Role.ADMIN, seconds=600)
    assert made.expires_at is not None


@pytest.mark.parametrize("scopes", [[], ["king"], ["admin"], ["run", ""]])
async def test_scopes_are_those_of_the_users_role(house: YardHouse, scopes: list[str]) -> None:
    with pytest.raises(Invalid, match="scopes"):
        await house.yard.tokens.create(ADMIN, "ann", scopes=scopes)


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), 1e12])
async def test_a_token_lives_for_a_while_or_for_ever(house: YardHouse, seconds: float) -> None:
    with pytest.raises(Invalid, match="expires_in"):
        await house.yard.tokens.create(ADMIN, "ann", seconds=seconds)


async def test_an_administrators_token_without_that_scope_is_like_a_users(
    house: YardHouse,
) -> None:
    await house.yard.tokens.create(ADMIN, "chief", Role.ADMIN)
    _, text = await house.yard.tokens.create(ADMIN, "script", user="chief", scopes=["run"])
    script = await house.yard.access.authenticate(text)
    assert (script.is_admin, script.sees) == (False, "chief")
    with pytest.raises(Forbidden):
        await house.yard.users.list(script, None, None)
