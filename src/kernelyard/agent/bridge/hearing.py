"""Whether a client that asks would hear the answer.

Clients connect their sockets one by one, and again when an agent came back: what a kernel says before a
client's subscription has arrived is lost to it. So the first requests of a client wait until as many have
subscribed as may ask, or for a moment: some never subscribe.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from kernelyard.agent.bridge.listening import Peer

PATIENCE_SECONDS = 1.0


class Hearing:
    """Holds back the requests of clients that may not hear yet."""

    def __init__(self, askers: Callable[[], int], listeners: Callable[[], int]) -> None:
        """``askers`` and ``listeners`` count the clients that can ask, and that have subscribed."""
        self._askers = askers
        self._listeners = listeners
        self._known: set[Peer] = set()
        self._waiting: dict[bytes, Callable[[], None]] = {}

    def may_ask(self, peer: Peer, release: Callable[[], None]) -> bool:
        """Whether the requests of a client may be passed on; else ``release`` is called when they may."""
        if peer not in self._known:
            self._known.add(peer)
            peer.gone.add_done_callback(lambda _: self._known.discard(peer))
            if self._listeners() < self._askers():
                client = peer.identity
                self._waiting[client] = release
                asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self._release, client)
        return peer.identity not in self._waiting

    def on_listener(self) -> None:
        """One more client has subscribed."""
        if self._listeners() >= self._askers():
            for client in list(self._waiting):
                self._release(client)

    def _release(self, client: bytes) -> None:
        if (release := self._waiting.pop(client, None)) is not None:
            release()
