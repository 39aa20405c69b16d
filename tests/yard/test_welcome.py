"""Whoever was let in is sent away when the token is removed, and not when the store is away for a moment."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kernelyard.model.errors import Unauthenticated, Unavailable
from kernelyard.model.principals import Principal, Role, Scope
from kernelyard.testing import FakeClock
from kernelyard.yard.welcome import AGAIN_SECONDS, AWAY_SECONDS, FRESH_SECONDS, Welcome

from tests.support.yard_house import ANN

CHIEF = Principal("chief", Role.ADMIN)


class Doorkeeper:
    """Knows one token; what is asked is counted."""

    def __init__(self) -> None:
        self.problem: Unauthenticated | Unavailable | None = None
        self.who = ANN
        self.asked = 0

    async def authenticate(self, token: str | None) -> Principal:
        self.asked += 1
        if self.problem is not None:
            raise self.problem
        return self.who


async def test_a_store_that_is_away_sends_nobody_away_and_is_asked_again_soon() -> None:
    keeper, clock = Doorkeeper(), FakeClock()
    watching = asyncio.create_task(Welcome(keeper, clock, "t", ANN).watch())
    keeper.problem = Unavailable()
    await clock.advance(AGAIN_SECONDS)
    await clock.advance(2 * AWAY_SECONDS)
    assert keeper.asked == 3
    assert not watching.done()
    keeper.problem = None
    await clock.advance(AWAY_SECONDS)
    await clock.advance(AGAIN_SECONDS - AWAY_SECONDS)
    assert keeper.asked == 4
    keeper.problem = Unauthenticated()
    await clock.advance(AWAY_SECONDS)
    with pytest.raises(Unauthenticated):
        await watching


async def test_whoever_asks_for_something_is_looked_at_unless_that_was_done_just_now() -> None:
    keeper, clock = Doorkeeper(), FakeClock()
    welcome = Welcome(keeper, clock, "t", ANN)
    keeper.problem = Unavailable()
    await welcome.check()
    assert keeper.asked == 0
    await clock.advance(FRESH_SECONDS)
    await welcome.check()
    await welcome.check()
    assert keeper.asked == 1
    keeper.problem = Unauthenticated()
    await clock.advance(AWAY_SECONDS)
    with pytest.raises(Unauthenticated):
        await welcome.check()


@pytest.mark.parametrize(
    "later",
    [
        replace(CHIEF, role=Role.USER),
        replace(CHIEF, scopes=frozenset({Scope.READ})),
        replace(CHIEF, name="ann"),
    ],
    ids=["role", "scopes", "name"],
)
async def test_whoever_may_do_less_than_when_he_was_let_in_is_sent_away(later: Principal) -> None:
    keeper, clock = Doorkeeper(), FakeClock()
    keeper.who = CHIEF
    welcome = Welcome(keeper, clock, "t", CHIEF)
    watching = asyncio.create_task(welcome.watch())
    await clock.advance(AGAIN_SECONDS)
    assert not watching.done()
    keeper.who = later
    await clock.advance(AGAIN_SECONDS)
    with pytest.raises(Unauthenticated, match="changed"):
        await watching
    with pytest.raises(Unauthenticated, match="changed"):
        await welcome.check()
