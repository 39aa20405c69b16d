"""Whoever sends many wrong tokens is answered slowly, and then not at all; nobody else waits for that."""

from __future__ import annotations

import asyncio
import logging

import pytest

from kernelyard.model.errors import TooManyFailures, Unauthenticated
from kernelyard.model.principals import Principal, Role
from kernelyard.ports.identity import Forged
from kernelyard.testing import FakeClock
from kernelyard.yard.access import Access
from kernelyard.yard.failures import FREE, MOST, MOST_ADDRESSES, Failures

from tests.support.gate import OWN, Gate
from tests.support.yard_house import ADMIN

BAD = "10.6.6.6"
GOOD = "10.0.0.7"


async def wrong(access: Access, clock: FakeClock, address: str = BAD, said: str = "wrong") -> float:
    """Send a wrong token; return how many seconds of the clock that took."""
    began = clock.now()
    trying = asyncio.create_task(access.authenticate(said, address))
    await asyncio.sleep(0)
    while not trying.done():
        await clock.advance(0.05)
    with pytest.raises(Unauthenticated):
        await trying
    return (clock.now() - began) / 1_000_000


async def test_the_first_failures_are_answered_at_once_and_later_ones_ever_more_slowly() -> None:
    gate = Gate()
    took = [await wrong(gate.access, gate.clock) for _ in range(FREE + 5)]
    assert took[:FREE] == [0.0] * FREE
    assert took[FREE:] == sorted(took[FREE:])
    assert took[-1] > took[FREE] > 0


async def test_beyond_a_limit_not_even_the_servers_own_token_is_let_in_from_there() -> None:
    gate = Gate()
    for _ in range(MOST + 5):
        try:
            await wrong(gate.access, gate.clock)
        except TooManyFailures:
            break
    with pytest.raises(TooManyFailures) as refused:
        await gate.access.authenticate(OWN, BAD)
    await gate.access.authenticate(OWN, GOOD)
    await gate.clock.advance(refused.value.retry_after)
    await gate.access.authenticate(OWN, BAD)


async def test_who_came_in_from_there_before_may_come_in_again() -> None:
    gate = Gate()
    await gate.access.authenticate(OWN, BAD)
    await gate.clock.advance(6)  # what is remembered for a moment is forgotten
    failures = [gate.access.authenticate("wrong", BAD) for _ in range(MOST)]
    trying = [asyncio.create_task(one) for one in failures]
    await asyncio.sleep(0)
    with pytest.raises(TooManyFailures):
        await gate.access.authenticate("wrong", BAD)
    await gate.access.authenticate(OWN, BAD)
    await gate.clock.advance(1)
    await asyncio.gather(*trying, return_exceptions=True)


async def refused_address(gate: Gate) -> None:
    """Send wrong tokens from BAD until it is refused."""
    trying = [asyncio.create_task(gate.access.authenticate("wrong", BAD)) for _ in range(MOST)]
    await asyncio.sleep(0)
    await gate.clock.advance(1)
    await asyncio.gather(*trying, return_exceptions=True)
    for token in ("wrong", "eyJ.ann.wrong"):
        with pytest.raises(TooManyFailures):
            for _ in range(2):  # a part of one was forgotten meanwhile
                await wrong(gate.access, gate.clock, said=token)


class Issuer:
    """Vouches for Ann, with a new token each time."""

    tells_roles = False

    async def verify(self, token: str) -> Principal | None:
        _, name, rest = token.split(".")
        if rest == "wrong":
            raise Forged("The signature is wrong.")
        return Principal(name, Role.USER)

    async def aclose(self) -> None:
        """Nothing is to be closed."""


async def test_what_nobody_can_guess_comes_in_also_where_others_have_sent_wrong_ones() -> None:
    gate = Gate()
    gate.access.trust(Issuer())
    _, new = await gate.tokens.create(ADMIN, "ann")
    traded, _ = await gate.access.exchange(new, 600, GOOD)
    await refused_address(gate)
    for token in (new, traded, "eyJ.ann.1", "eyJ.ann.2"):
        assert (await gate.access.authenticate(token, BAD)).name == "ann"
    with pytest.raises(TooManyFailures):
        await gate.access.authenticate(OWN, BAD)
    with pytest.raises(TooManyFailures):
        await gate.access.authenticate("wrong", BAD)


async def test_nobody_makes_an_address_strange_to_the_administrator_by_trading_tokens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kernelyard.yard.failures.MOST_FAMILIAR", 2)
    gate = Gate()
    _, text = await gate.tokens.create(ADMIN, "ann")
    await gate.access.authenticate(OWN, BAD)
    for _ in range(3):
        await gate.access.exchange(text, 600, BAD)
    await gate.clock.advance(6)  # what is remembered for a moment is forgotten
    await refused_address(gate)
    assert (await gate.access.authenticate(OWN, BAD)).is_admin


async def test_what_he_has_traded_his_token_for_comes_in_as_well() -> None:
    gate = Gate()
    traded, _ = await gate.access.exchange(OWN, 600, BAD)
    trying = [asyncio.create_task(gate.access.authenticate("wrong", BAD)) for _ in range(MOST)]
    await asyncio.sleep(0)
    assert (await gate.access.authenticate(traded, BAD)).name == "admin"
    await gate.clock.advance(1)
    await asyncio.gather(*trying, return_exceptions=True)


async def test_many_at_once_are_all_counted() -> None:
    gate = Gate()
    trying = [
        asyncio.create_task(gate.access.authenticate(f"wrong-{n}", BAD)) for n in range(MOST * 2)
    ]
    await gate.clock.advance(2)
    ends = await asyncio.gather(*trying, return_exceptions=True)
    assert sum(isinstance(end, TooManyFailures) for end in ends) == MOST


async def test_failures_are_logged_without_the_token(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate()
    with caplog.at_level(logging.INFO), pytest.raises(Unauthenticated):
        await gate.access.authenticate("a-secret-guess", BAD)
    (record,) = [one for one in caplog.records if one.message == "access.refused"]
    assert record.__dict__["fields"]["address"] == BAD
    assert "a-secret-guess" not in str(record.__dict__)


async def test_no_token_at_all_is_no_failure() -> None:
    gate = Gate()
    for _ in range(MOST * 2):
        with pytest.raises(Unauthenticated):
            await gate.access.authenticate(None, BAD)


async def test_what_is_remembered_of_addresses_is_bounded() -> None:
    failures = Failures(FakeClock())
    for number in range(MOST_ADDRESSES + 10):
        await failures.failed(f"address {number}", "digest")
        failures.succeeded(f"address {number}", "digest")
    assert len(failures._counts) == MOST_ADDRESSES
    assert len(failures._familiar) <= MOST_ADDRESSES
