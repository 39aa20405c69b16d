"""A token lets in who holds it, and nobody else; it is kept as a digest only."""

from __future__ import annotations

import asyncio

import pytest

from kernelyard.model.errors import (
    AlreadyExists,
    Forbidden,
    Invalid,
    TokenNotFound,
    Unauthenticated,
)
from kernelyard.model.principals import Principal, Role, TokenRecord
from kernelyard.stores.memory.names import MemoryTokens
from kernelyard.testing import FakeClock
from kernelyard.yard.access import Access

from tests.support.yard_house import ADMIN, ANN, YardHouse


async def test_the_servers_own_token_is_the_administrators(house: YardHouse) -> None:
    assert await house.yard.access.authenticate("the-admin-token") == ADMIN


@pytest.mark.parametrize("token", [None, "", "wrong", "the-admin-toke", "the-admin-token "])
async def test_any_other_is_refused(house: YardHouse, token: str | None) -> None:
    with pytest.raises(Unauthenticated):
        await house.yard.access.authenticate(token)


async def test_a_made_token_lets_its_holder_in_until_it_is_removed(house: YardHouse) -> None:
    access = house.yard.access
    record, text = await access.create_token(ADMIN, "ann", Role.USER)
    for _ in range(2):
        assert await access.authenticate(text) == Principal("ann", Role.USER)
    assert text not in repr(await house.store.tokens.all())
    await access.remove_token(ADMIN, record.id)
    with pytest.raises(Unauthenticated):
        await access.authenticate(text)
    with pytest.raises(TokenNotFound):
        await access.remove_token(ADMIN, record.id)


class SlowTokens(MemoryTokens):
    """Answers what it has read when a test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.reading, self.gate = asyncio.Event(), asyncio.Event()

    async def by_hash(self, sha256: str) -> TokenRecord | None:
        found = await super().by_hash(sha256)
        self.reading.set()
        await self.gate.wait()
        return found


async def test_a_token_that_is_removed_while_it_is_looked_up_is_not_remembered() -> None:
    tokens = SlowTokens()
    access = Access(tokens, FakeClock(), None)
    record, text = await access.create_token(ADMIN, "ann", Role.USER)
    looking = asyncio.create_task(access.authenticate(text))
    await tokens.reading.wait()
    await access.remove_token(ADMIN, record.id)
    tokens.gate.set()
    await looking
    with pytest.raises(Unauthenticated):
        await access.authenticate(text)


async def test_only_administrators_deal_in_tokens(house: YardHouse) -> None:
    access = house.yard.access
    with pytest.raises(Forbidden):
        await access.create_token(ANN, "eve", Role.ADMIN)
    with pytest.raises(Forbidden):
        await access.list_tokens(ANN)
    with pytest.raises(Forbidden):
        await access.remove_token(ANN, "any")


async def test_names_are_given_once_and_admin_never(house: YardHouse) -> None:
    access = house.yard.access
    await access.create_token(ADMIN, "ann", Role.USER)
    with pytest.raises(AlreadyExists):
        await access.create_token(ADMIN, "ann", Role.USER)
    with pytest.raises(Invalid, match="admin"):
        await access.create_token(ADMIN, "admin", Role.USER)
