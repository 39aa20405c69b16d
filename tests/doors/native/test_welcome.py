"""What is followed ends when the token is taken away with which it was asked for."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from types import SimpleNamespace

import pytest
from starlette.requests import Request

from kernelyard.doors.native.asking import still_welcome, while_welcome
from kernelyard.model.errors import Unauthenticated
from kernelyard.model.principals import Role

from tests.support.gate import Gate
from tests.support.yard_house import ADMIN

MANY = 1000


class Source:
    """Numbers, until it is closed."""

    closed = False

    async def numbers(self) -> AsyncGenerator[int, None]:
        try:
            for number in range(MANY):
                yield number
        finally:
            self.closed = True


async def asking(gate: Gate, token: str) -> Request:
    """A request with a token that was let in."""
    app = SimpleNamespace(state=SimpleNamespace(yard=SimpleNamespace(access=gate.access)))
    headers = [(b"authorization", f"Bearer {token}".encode())]
    request = Request({"type": "http", "headers": headers, "app": app, "client": None})
    request.state.asking = SimpleNamespace(who=await gate.access.authenticate(token))
    return request


async def test_it_goes_on_while_the_token_is_good_and_is_cut_when_it_is_not() -> None:
    gate, source = Gate(), Source()
    record, text = await gate.tokens.create(ADMIN, "ann")
    followed = while_welcome(await asking(gate, text), source.numbers())
    assert [await anext(followed) for _ in range(3)] == [0, 1, 2]
    await gate.clock.advance(60)
    assert await anext(followed) == 3
    await gate.tokens.remove(ADMIN, record.id)
    await gate.clock.advance(60)
    with pytest.raises(Unauthenticated):
        await anext(followed)
    assert source.closed


async def test_who_was_an_administrator_does_not_go_on_as_one_in_what_is_open() -> None:
    gate, source = Gate(), Source()
    _, text = await gate.tokens.create(ADMIN, "eve", Role.ADMIN)
    request = await asking(gate, text)
    followed = while_welcome(request, source.numbers())
    assert await anext(followed) == 0
    await still_welcome(request)
    eve = await gate.users.get("eve")
    await gate.users.replace(replace(eve, role=Role.USER))
    gate.access.forget()
    await gate.clock.advance(60)
    with pytest.raises(Unauthenticated, match="changed"):
        await anext(followed)
    with pytest.raises(Unauthenticated, match="changed"):
        await still_welcome(request)
