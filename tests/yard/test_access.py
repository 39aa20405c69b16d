"""A token lets in who holds it, and nobody else; it is kept as a digest only."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from kernelyard.model.errors import Forbidden, Invalid, TooManyFailures, Unauthenticated
from kernelyard.model.principals import Principal, Role, Scope, TokenRecord
from kernelyard.ports.identity import Forged
from kernelyard.stores.memory.bell import LocalBell
from kernelyard.stores.memory.people import MemoryTokens, MemoryUsers
from kernelyard.yard.access import Access
from kernelyard.yard.failures import MOST

from tests.support.gate import OWN, Gate
from tests.support.yard_house import ADMIN, ANN, YardHouse

FROM = "10.0.0.7"


async def test_the_servers_own_token_is_the_administrators(house: YardHouse) -> None:
    assert await house.yard.access.authenticate(OWN) == ADMIN


@pytest.mark.parametrize("token", [None, "", "wrong", "the-admin-toke", "the-admin-token "])
async def test_any_other_is_refused(house: YardHouse, token: str | None) -> None:
    with pytest.raises(Unauthenticated):
        await house.yard.access.authenticate(token)


async def test_a_made_token_lets_its_holder_in_until_it_is_removed(house: YardHouse) -> None:
    yard = house.yard
    record, text = await yard.tokens.create(ADMIN, "ann", Role.USER)
    for _ in range(2):
        assert await yard.access.authenticate(text) == Principal("ann", Role.USER)
    assert text not in repr(await house.store.tokens.find())
    await yard.tokens.remove(ADMIN, record.id)
    with pytest.raises(Unauthenticated):
        await yard.access.authenticate(text)


async def test_who_comes_is_known_with_his_token_and_address(house: YardHouse) -> None:
    record, text = await house.yard.tokens.create(ADMIN, "ann", scopes=["run"])
    for _ in range(2):
        who = await house.yard.access.authenticate(text, FROM)
        assert (who.name, who.token_id, who.address) == ("ann", record.id, FROM)
        assert who.scopes == {Scope.READ, Scope.RUN}
    assert (await house.yard.access.authenticate(text, "10.0.0.8")).address == "10.0.0.8"


class SlowTokens(MemoryTokens):
    """Answers what it has read when a test lets it."""

    def __init__(self, tokens: MemoryTokens) -> None:
        self.__dict__.update(tokens.__dict__)
        self.reading, self.gate = asyncio.Event(), asyncio.Event()

    async def by_hash(self, sha256: str) -> TokenRecord | None:
        found = await super().by_hash(sha256)
        self.reading.set()
        await self.gate.wait()
        return found


async def test_a_token_that_is_removed_while_it_is_looked_up_is_not_remembered() -> None:
    users = MemoryUsers()
    slow = users.tokens = SlowTokens(users.tokens)
    gate = Gate(users)
    record, text = await gate.tokens.create(ADMIN, "ann", Role.USER)
    looking = asyncio.create_task(gate.access.authenticate(text))
    await slow.reading.wait()
    await gate.tokens.remove(ADMIN, record.id)
    slow.gate.set()
    await looking
    with pytest.raises(Unauthenticated):
        await gate.access.authenticate(text)


async def test_a_token_that_has_expired_is_refused_with_the_reason() -> None:
    gate = Gate()
    _, text = await gate.tokens.create(ADMIN, "ann", seconds=60)
    await gate.clock.advance(59)
    await gate.access.authenticate(text)
    await gate.clock.advance(1)
    with pytest.raises(Unauthenticated, match="expired"):
        await gate.access.authenticate(text)


async def test_a_token_of_a_disabled_user_is_refused_with_the_reason() -> None:
    gate = Gate()
    _, text = await gate.tokens.create(ADMIN, "ann")
    await gate.access.authenticate(text)
    ann = await gate.users.get("ann")
    await gate.users.replace(replace(ann, disabled=True))
    gate.access.forget()
    with pytest.raises(Unauthenticated, match="disabled"):
        await gate.access.authenticate(text)


async def test_what_one_server_takes_back_is_refused_by_the_others_at_once() -> None:
    gate, bell = Gate(), LocalBell()
    there = Access(gate.users, gate.users.tokens, gate.clock, OWN, bell=bell)
    here = Access(gate.users, gate.users.tokens, gate.clock, OWN, bell=bell)
    hearing = asyncio.create_task(there.run())
    await asyncio.sleep(0)
    record, text = await gate.tokens.create(ADMIN, "ann")
    await there.authenticate(text)
    await gate.users.tokens.remove(record.id)
    assert await there.authenticate(text) == ANN  # it is remembered for a moment
    here.forget()
    async with asyncio.timeout(10):
        while True:
            try:
                await there.authenticate(text)
            except Unauthenticated:
                break
            await asyncio.sleep(0)
    hearing.cancel()
    await asyncio.gather(hearing, return_exceptions=True)


async def test_the_last_use_is_kept_once_a_minute() -> None:
    gate = Gate()
    record, text = await gate.tokens.create(ADMIN, "ann")
    first = gate.clock.now()

    async def used() -> int | None:
        await gate.access.authenticate(text)
        await gate.access.keep_uses()
        kept = await gate.users.tokens.by_id(record.id)
        return kept.last_used_at if kept else None

    assert await used() == first
    await gate.clock.advance(59)
    assert await used() == first
    await gate.clock.advance(6)
    assert await used() == gate.clock.now()


async def test_an_access_token_has_the_rights_of_what_it_was_traded_for() -> None:
    gate = Gate()
    record, text = await gate.tokens.create(ADMIN, "ann", scopes=["read"])
    traded, seconds = await gate.access.exchange(text, 600)
    who = await gate.access.authenticate(traded)
    assert (who.name, who.scopes, who.token_id) == ("ann", {Scope.READ}, record.id)
    own, _ = await gate.access.exchange(OWN, 600)
    assert await gate.access.authenticate(own) == ADMIN
    assert seconds == 600
    assert traded not in repr(gate.users.tokens.__dict__)


async def test_it_is_good_in_another_server_and_after_a_restart() -> None:
    gate = Gate()
    _, text = await gate.tokens.create(ADMIN, "ann")
    traded = [(await gate.access.exchange(one, 600))[0] for one in (text, OWN)]
    other = Gate(gate.users)
    assert [(await other.access.authenticate(one)).name for one in traded] == ["ann", "admin"]


async def test_it_ends_in_its_time_and_with_what_it_was_traded_for() -> None:
    gate = Gate()
    record, text = await gate.tokens.create(ADMIN, "ann", seconds=300)
    short, _ = await gate.access.exchange(text, 60)
    long, seconds = await gate.access.exchange(text, 3600)
    assert seconds == 300
    await gate.clock.advance(59)
    await gate.access.authenticate(short)
    await gate.clock.advance(1)
    with pytest.raises(Unauthenticated, match="expired"):
        await gate.access.authenticate(short)
    await gate.access.authenticate(long)
    await gate.tokens.remove(ADMIN, record.id)
    with pytest.raises(Unauthenticated):
        await gate.access.authenticate(long)


async def test_one_of_the_servers_own_token_ends_when_that_is_changed() -> None:
    gate = Gate()
    traded, _ = await gate.access.exchange(OWN, 600)
    with pytest.raises(Unauthenticated):
        await Gate(gate.users, own="another-admin-token").access.authenticate(traded)


async def test_only_good_tokens_of_this_server_are_traded() -> None:
    gate = Gate()
    traded, _ = await gate.access.exchange(OWN, 600)
    for token in ("wrong", "", traded):
        with pytest.raises(Unauthenticated):
            await gate.access.exchange(token, 600)
    for seconds in (0.0, -1.0, 1e9):
        with pytest.raises(Invalid):
            await gate.access.exchange(OWN, seconds)


class Issuer:
    """Vouches for whoever names himself in his token."""

    def __init__(self, *, tells_roles: bool = False) -> None:
        self.tells_roles = tells_roles
        self.roles: dict[str, Role] = {}
        self.until: int | None = None

    async def verify(self, token: str) -> Principal | None:
        _, name, rest = token.split(".")
        if rest != "b":
            return None
        if name == "forged":
            raise Forged("The signature is wrong.")
        return Principal(name, self.roles.get(name, Role.USER), until=self.until)

    async def aclose(self) -> None:
        """Nothing is to be closed."""


async def test_somebody_else_may_vouch_for_users_who_are_known_from_then_on() -> None:
    gate = Gate()
    access = gate.access
    access.trust(Issuer())
    assert await access.authenticate("eyJ.eve.b") == Principal("eve", Role.USER)
    eve = await gate.users.get("eve")
    await gate.users.replace(replace(eve, disabled=True))
    access.forget()
    with pytest.raises(Unauthenticated, match="disabled"):
        await access.authenticate("eyJ.eve.b")
    for bad in ("eyJ.forged.b", "eyJ.admin.b", "eyJ.another.kind"):
        with pytest.raises(Unauthenticated):
            await access.authenticate(bad)
    with pytest.raises(Unauthenticated, match="traded"):
        await access.exchange("eyJ.ann.b", 60)


async def test_a_role_that_the_provider_withdraws_is_withdrawn_from_all_tokens_of_its_holder() -> (
    None
):
    gate, issuer = Gate(), Issuer(tells_roles=True)
    gate.access.trust(issuer)
    issuer.roles["olga"] = Role.ADMIN
    olga = await gate.access.authenticate("eyJ.olga.b")
    _, text = await gate.tokens.create(olga, "laptop", user="olga")
    assert (await gate.access.authenticate(text)).is_admin
    del issuer.roles["olga"]
    await gate.clock.advance(6)
    assert not (await gate.access.authenticate("eyJ.olga.b")).is_admin
    assert (await gate.users.get("olga")).role is Role.USER
    assert not (await gate.access.authenticate(text)).is_admin


async def test_a_provider_that_says_nothing_of_roles_changes_none() -> None:
    gate = Gate()
    gate.access.trust(Issuer())
    await gate.tokens.create(ADMIN, "olga", Role.ADMIN)
    assert (await gate.access.authenticate("eyJ.olga.b")).role is Role.USER
    assert (await gate.users.get("olga")).role is Role.ADMIN


async def test_a_token_made_with_one_of_the_provider_ends_with_it() -> None:
    gate, issuer = Gate(), Issuer()
    gate.access.trust(issuer)
    issuer.until = gate.clock.now() + 300_000_000
    ann = await gate.access.authenticate("eyJ.ann.b")
    for seconds in (None, 301):
        with pytest.raises(Forbidden, match="longer"):
            await gate.tokens.create(ann, "laptop", seconds=seconds)
    made, _ = await gate.tokens.create(ann, "laptop", seconds=300)
    assert made.expires_at == issuer.until


async def test_a_forged_signature_counts_as_a_wrong_token_and_says_why() -> None:
    gate = Gate()
    gate.access.trust(Issuer())
    trying = [
        asyncio.create_task(gate.access.authenticate("eyJ.forged.b", FROM)) for _ in range(MOST + 1)
    ]
    await gate.clock.advance(2)
    *ends, last = await asyncio.gather(*trying, return_exceptions=True)
    assert {str(end) for end in ends} == {"The signature is wrong."}
    assert isinstance(last, TooManyFailures)
