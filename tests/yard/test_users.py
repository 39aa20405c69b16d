"""Administrators say who may come in; what they change holds at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from kernelyard.model.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Invalid,
    Unauthenticated,
    UserNotFound,
)
from kernelyard.model.pools import PoolOrder
from kernelyard.model.principals import Principal, Role, UserKind
from kernelyard.model.templates import Template
from kernelyard.yard.users import UserChange, Users

from tests.support.yard_house import ADMIN, ANN, YardHouse

DISABLED = UserChange(disabled=True)


async def test_users_are_added_listed_and_shown(house: YardHouse) -> None:
    users = house.yard.users
    robot = await users.add(ADMIN, "robot", kind=UserKind.SERVICE, display_name="CI")
    assert (robot.kind, robot.role, robot.disabled) == (UserKind.SERVICE, Role.USER, False)
    page, cursor = await users.list(ADMIN, None, 1)
    assert ([user.name for user in page], cursor is not None) == (["admin"], True)
    page, cursor = await users.list(ADMIN, cursor, 1)
    assert (page, cursor) == ([robot], None)
    with pytest.raises(AlreadyExists, match="robot"):
        await users.add(ADMIN, "robot")
    for name in ("", "../x", "a" * 200):
        with pytest.raises(Invalid):
            await users.add(ADMIN, name)


async def test_a_disabled_user_is_refused_at_once_and_comes_back(house: YardHouse) -> None:
    _, text = await house.yard.tokens.create(ADMIN, "ann")
    await house.yard.access.authenticate(text)
    traded, _ = await house.yard.access.exchange(text, 60)
    await house.yard.access.authenticate(traded)
    await house.yard.users.update(ADMIN, "ann", DISABLED)
    for token in (text, traded):
        with pytest.raises(Unauthenticated, match="disabled"):
            await house.yard.access.authenticate(token)
    await house.yard.users.update(ADMIN, "ann", UserChange(disabled=False))
    assert await house.yard.access.authenticate(text) == ANN


async def test_a_new_role_holds_for_the_tokens_that_are_there(house: YardHouse) -> None:
    _, text = await house.yard.tokens.create(ADMIN, "chief", Role.ADMIN)
    assert (await house.yard.access.authenticate(text)).is_admin
    await house.yard.users.update(ADMIN, "chief", UserChange(role=Role.USER))
    assert not (await house.yard.access.authenticate(text)).is_admin


async def test_who_has_kernels_is_not_removed(house: YardHouse) -> None:
    await house.yard.users.add(ADMIN, "ann")
    kernel = await house.kernel()
    with pytest.raises(Conflict, match="kernels"):
        await house.yard.users.remove(ADMIN, "ann")
    await house.yard.kernels.delete(ANN, kernel.id)
    await house.yard.users.remove(ADMIN, "ann")
    with pytest.raises(UserNotFound):
        await house.yard.users.get(ADMIN, "ann")


async def test_tokens_templates_and_pools_go_with_their_user(house: YardHouse) -> None:
    _, text = await house.yard.tokens.create(ADMIN, "ann")
    await house.yard.templates.create(ANN, Template(name="anns"))
    await house.yard.pools.set(ANN, PoolOrder(image="python3", size=1))
    await house.yard.users.remove(ADMIN, "ann")
    with pytest.raises(Unauthenticated):
        await house.yard.access.authenticate(text)
    assert await house.yard.pools.list(ADMIN) == []
    names = [one.name for one in (await house.yard.templates.list(ADMIN, None, None))[0]]
    assert names == ["default"]


async def test_the_servers_own_administrator_stays(house: YardHouse) -> None:
    users = house.yard.users
    for asked in (
        users.update(ADMIN, "admin", DISABLED),
        users.update(ADMIN, "admin", UserChange(role=Role.USER)),
        users.remove(ADMIN, "admin"),
    ):
        with pytest.raises(Conflict):
            await asked
    named = await users.update(ADMIN, "admin", UserChange(display_name="Root"))
    assert named.display_name == "Root"


async def test_a_user_may_ask_for_himself_and_nothing_else(house: YardHouse) -> None:
    users = house.yard.users
    await users.add(ADMIN, "ann")
    assert (await users.get(ANN, "ann")).name == "ann"
    asked: list[Callable[[Users, Principal], Awaitable[object]]] = [
        lambda users, who: users.add(who, "eve"),
        lambda users, who: users.list(who, None, None),
        lambda users, who: users.get(who, "admin"),
        lambda users, who: users.update(who, "ann", UserChange(role=Role.ADMIN)),
        lambda users, who: users.remove(who, "ann"),
    ]
    for ask in asked:
        with pytest.raises(Forbidden):
            await ask(users, ANN)
