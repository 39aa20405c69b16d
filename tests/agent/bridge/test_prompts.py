"""A prompt whose client has gone for good is given up, and no other."""

from __future__ import annotations

import pytest

from kernelyard.agent.bridge.prompts import Prompts

from tests.support.agent_process import wait_until


class Clients:
    """Who is there, and how often a prompt was given up."""

    def __init__(self) -> None:
        self.there = {b"a", b"b"}
        self.looks = 0
        self.given_up = 0
        self.prompts = Prompts(self._is_there, self._give_up, patience=0.05)

    def _is_there(self, client: bytes) -> bool:
        self.looks += 1
        return client in self.there

    def _give_up(self) -> None:
        self.given_up += 1


@pytest.fixture
def clients() -> Clients:
    return Clients()


async def test_who_is_there_may_take_his_time(clients: Clients) -> None:
    clients.prompts.ask(b"a")
    await wait_until(lambda: clients.looks > 5)
    assert clients.given_up == 0
    clients.prompts.clear()


async def test_a_client_that_has_gone_is_waited_for_and_then_given_up(clients: Clients) -> None:
    clients.prompts.ask(b"a")
    clients.there.discard(b"a")
    await wait_until(lambda: clients.given_up == 1)
    assert clients.looks >= 3


async def test_a_client_that_comes_back_in_time_is_not_given_up(clients: Clients) -> None:
    clients.there.discard(b"a")
    clients.prompts.ask(b"a")
    clients.there.add(b"a")
    await wait_until(lambda: clients.looks > 5)
    assert clients.given_up == 0
    clients.prompts.clear()


async def test_what_was_answered_is_not_looked_at_again(clients: Clients) -> None:
    clients.prompts.ask(b"a")
    clients.prompts.ask(b"b")
    clients.prompts.settle(b"a")
    clients.there.clear()
    await wait_until(lambda: clients.given_up == 1)
    clients.prompts.clear()
