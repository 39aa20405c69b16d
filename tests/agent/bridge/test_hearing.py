"""First requests wait until their client can hear, or for a moment."""

from __future__ import annotations

import asyncio

from kernelyard.agent.bridge.hearing import Hearing
from kernelyard.agent.bridge.listening import Peer, Port
from kernelyard.agent.bridge.publishing import Publisher
from kernelyard.agent.logs import Log

from tests.support.agent_process import wait_until


def a_port() -> Port:
    return Publisher(Log(), lambda _: [], lambda _: []).port


async def test_requests_wait_for_the_subscription() -> None:
    listeners, released = [0], []
    hearing = Hearing(lambda: 1, lambda: listeners[0])
    peer = Peer(a_port())
    assert not hearing.may_ask(peer, lambda: released.append("it"))
    assert not hearing.may_ask(peer, lambda: released.append("again"))
    hearing.on_listener()
    assert released == []
    listeners[0] = 1
    hearing.on_listener()
    assert released == ["it"]
    assert hearing.may_ask(peer, lambda: released.append("never"))
    await asyncio.sleep(0)


async def test_who_never_subscribes_waits_for_a_moment_only() -> None:
    released: list[str] = []
    hearing = Hearing(lambda: 2, lambda: 1)
    peer = Peer(a_port())
    assert not hearing.may_ask(peer, lambda: released.append("it"))
    await wait_until(lambda: released == ["it"])
    assert hearing.may_ask(peer, lambda: released.append("never"))
