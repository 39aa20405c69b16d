"""What is followed ends when the token is taken away with which it was asked for."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from types import SimpleNamespace

import pytest
from starlette.requests import Request

from kernelyard.doors.native.asking import while_welcome
from kernelyard.model.errors import Unauthenticated

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


def asking(gate: Gate, token: str) -> Request:
    """A request with a token."""
    app = SimpleNamespace(state=SimpleNamespace(yard=SimpleNamespace(access=gate.access)))
    headers = [(b"authorization", f"Bearer {token}".encode())]
    return Request({"type": "http", "headers": headers, "app": app})


async def test_it_goes_on_while_the_token_is_good_and_is_cut_when_it_is_not() -> None:
    gate, source = Gate(), Source()
    record, text = await gate.tokens.create(ADMIN, "ann")
    followed = while_welcome(asking(gate, text), source.numbers())
    assert [await anext(followed) for _ in range(3)] == [0, 1, 2]
    await gate.clock.advance(60)
    assert await anext(followed) == 3
    await gate.tokens.remove(ADMIN, record.id)
    await gate.clock.advance(60)
    with pytest.raises(Unauthenticated):
        await anext(followed)
    assert source.closed
