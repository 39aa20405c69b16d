"""A port at which clients ask: what is not signed with the bridge's key is passed over."""

from __future__ import annotations

from collections.abc import Callable

from kernelyard.agent.bridge.listening import Peer, Port
from kernelyard.agent.logs import Log
from kernelyard.wire import zmtp
from kernelyard.wire.multipart import MalformedMessage, Parts, join, split
from kernelyard.wire.requests import ClientHeader, read_client_header
from kernelyard.wire.signing import Signer

Deliver = Callable[[Peer, Parts, ClientHeader], None]


class Desk:
    """Shell, control or stdin of a bridge. Clients are known by the identities of their sockets."""

    def __init__(self, signer: Signer, deliver: Deliver, log: Log) -> None:
        self.port = Port("ROUTER", self, log)
        self._signer = signer
        self._deliver = deliver

    def send(self, client: bytes, parts: Parts) -> None:
        """Send a message to one client; to nobody if it has gone."""
        peer = self.port.peers.get(client)
        if peer is not None:
            peer.send(self._encoded(parts))

    def send_all(self, parts: Parts) -> None:
        """Send a message to every client that is connected."""
        if self.port.peers:
            message = self._encoded(parts)
            for peer in list(self.port.peers.values()):
                peer.send(message)

    def on_received(self, peer: Peer, received: zmtp.Received) -> None:
        """Check a message and hand it on."""
        if isinstance(received, zmtp.Command):
            return
        try:
            parts = split(received, self._signer)
            header = read_client_header(parts)
        except MalformedMessage as error:
            self.port.note_nonsense(str(error))
            return
        self._deliver(peer, parts, header)

    def on_caught_up(self, peer: Peer) -> None:
        """A client reads again that had missed replies; it has asked for them, and may ask again."""
        peer.unsent = 0

    def _encoded(self, parts: Parts) -> bytes:
        plain = Parts(parts.header, parts.parent, parts.metadata, parts.content, parts.buffers)
        return zmtp.encode_message(join(plain, self._signer))


class Heart:
    """The heartbeat of a bridge: it beats until the kernel has ended, whatever that is doing."""

    def __init__(self, alive: Callable[[], bool], log: Log) -> None:
        self.port = Port("REP", self, log)
        self._alive = alive

    def on_received(self, peer: Peer, received: zmtp.Received) -> None:
        """Send back what came, if the kernel lives."""
        if not isinstance(received, zmtp.Command) and self._alive():
            peer.send(zmtp.encode_message(received))

    def on_caught_up(self, peer: Peer) -> None:
        """It beats again."""
        peer.unsent = 0
