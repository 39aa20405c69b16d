"""What the kernel says to everybody, on to every client that has subscribed to it."""

from __future__ import annotations

from collections.abc import Callable

from kernelyard.agent.bridge.listening import Peer, Port
from kernelyard.agent.bridge.room import Room
from kernelyard.agent.logs import Log
from kernelyard.wire import zmtp

MOST_TOPICS = 64
"""Topics that one client may subscribe to; they are told apart for every message."""


class Publisher:
    """The iopub port of a bridge. A client that does not read misses messages, and delays nobody."""

    def __init__(
        self,
        log: Log,
        welcome: Callable[[bytes], list[bytes]],
        missed: Callable[[int], list[bytes]],
        on_listener: Callable[[], None] = lambda: None,
        room: Room | None = None,
    ) -> None:
        """``welcome`` makes the message for a new subscription (JEP 65), ``missed`` the one that tells
        a client how many messages it missed; ``on_listener`` is called when one has subscribed."""
        self.port = Port("XPUB", self, log, room)
        self._welcome = welcome
        self._missed = missed
        self._on_listener = on_listener
        self._topics: dict[Peer, list[bytes]] = {}
        self._log = log

    @property
    def listeners(self) -> int:
        """How many clients have subscribed to something."""
        return sum(map(bool, self._topics.values()))

    def publish(self, frames: list[bytes]) -> None:
        """Send a message to each client that has subscribed to its topic, the first frame."""
        if not self.port.peers:
            return
        message: bytes | None = None
        for peer in list(self.port.peers.values()):
            if any(map(frames[0].startswith, self._topics.get(peer, ()))):
                message = message or zmtp.encode_message(frames)
                peer.send(message)

    def on_received(self, peer: Peer, received: zmtp.Received) -> None:
        """Take in a subscription, and welcome whoever subscribed."""
        asked = zmtp.read_subscription(received)
        if asked is None:
            return
        wanted, topic = asked
        topics = self._topics.setdefault(peer, [])
        if not wanted:
            if topic in topics:
                topics.remove(topic)
        elif len(topics) < MOST_TOPICS:
            topics.append(topic)
            peer.gone.add_done_callback(lambda _: self._topics.pop(peer, None))
            peer.send(zmtp.encode_message([topic, *self._welcome(topic)]))
            self._on_listener()

    def on_caught_up(self, peer: Peer) -> None:
        """Tell a client that was too slow what it missed."""
        count, peer.unsent = peer.unsent, 0
        self._log.warning("bridge.slow_client", missed=count)
        if any(map(b"stream".startswith, self._topics.get(peer, ()))):
            peer.send(zmtp.encode_message([b"stream", *self._missed(count)]))
