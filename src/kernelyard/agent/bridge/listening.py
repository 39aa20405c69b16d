"""Listening for ZeroMQ sockets on loopback, in the event loop, with an eye on each peer.

ZeroMQ's own sockets would do, were it not for three things: they count what waits for a slow peer in
messages and not in bytes, they do not tell who is there, and they let in every user of the machine.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from typing import Literal, Protocol, cast

from kernelyard.agent.bridge.neighbours import is_ours
from kernelyard.agent.bridge.room import Room
from kernelyard.agent.logs import Log
from kernelyard.wire import zmtp

LOOPBACK = "127.0.0.1"
BACKLOG = 64
MOST_PEERS = 64
"""Peers that one port has at a time."""
LARGEST_MESSAGE = 64 * 1024 * 1024
HANDSHAKE_SECONDS = 10.0
Kind = Literal["ROUTER", "XPUB", "REP"]
_PARTNERS: dict[Kind, frozenset[str]] = {
    "ROUTER": frozenset({"DEALER", "REQ", "ROUTER"}),
    "XPUB": frozenset({"SUB", "XSUB"}),
    "REP": frozenset({"REQ", "DEALER"}),
}


class Hearer(Protocol):
    """Whoever serves the peers of a port."""

    def on_received(self, peer: Peer, received: zmtp.Received) -> None: ...
    def on_caught_up(self, peer: Peer) -> None:
        """Nothing waits for a peer any more to which something was not sent."""
        ...


def bind_loopback(port: int = 0) -> socket.socket:
    """Return a socket that is bound to a port, or to one that the system chooses. Raises OSError."""
    # Named as TCP: only then asyncio sends small messages at once on what is accepted here.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # Connections that an earlier agent had on this port may still be dying.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((LOOPBACK, port))
        bound.listen(BACKLOG)
        bound.setblocking(False)
    except BaseException:
        bound.close()
        raise
    return bound


class Port:
    """One listening socket and its peers, by their identities."""

    def __init__(self, kind: Kind, hearer: Hearer, log: Log, room: Room | None = None) -> None:
        self.kind: Kind = kind
        self.peers: dict[bytes, Peer] = {}
        self.hearer = hearer
        self.room = room or Room()
        self._log = log
        self._arriving: set[Peer] = set()
        self._server: asyncio.Server | None = None
        self._refused = 0

    async def serve(self, bound: socket.socket) -> None:
        """Take in peers from now on."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: Peer(self), sock=bound)

    async def close(self, *, grace: float = 1.0) -> None:
        """Send everybody away; what waits for a peer is sent if it reads that soon."""
        if self._server is not None:
            self._server.close()
        leaving = [*self.peers.values(), *self._arriving]
        for peer in leaving:
            peer.close()
        if leaving:
            await asyncio.wait([peer.gone for peer in leaving], timeout=grace)
        for peer in leaving:
            peer.abort()

    def admits(self, peer: Peer, connection: socket.socket) -> bool:
        """Whether a peer may stay that has just come."""
        if len(self.peers) + len(self._arriving) >= MOST_PEERS:
            self._say_refused("too many clients at a time")
        elif not is_ours(connection):
            self._say_refused("a process of another user")
        else:
            self._arriving.add(peer)
            return True
        return False

    def settle(self, peer: Peer) -> None:
        """A peer has said who it is. One that has its name is sent away, for the same has come anew."""
        self._arriving.discard(peer)
        before = self.peers.get(peer.identity)
        self.peers[peer.identity] = peer
        if before is not None:
            before.abort()

    def lose(self, peer: Peer) -> None:
        """A peer has gone."""
        self._arriving.discard(peer)
        if self.peers.get(peer.identity) is peer:
            del self.peers[peer.identity]

    def note_nonsense(self, problem: str) -> None:
        """A peer said what no peer of this port says."""
        self._say_refused(problem)

    def _say_refused(self, why: str) -> None:
        self._refused += 1
        if self._refused.bit_count() == 1:
            # The 1st, 2nd, 4th, 8th …: a flood of them fills no log.
            self._log.warning("bridge.refused", port=self.kind, why=why, so_far=self._refused)


class Peer(asyncio.Protocol):
    """One connection to a port."""

    def __init__(self, port: Port) -> None:
        self.identity = b""
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.unsent = 0
        """Messages that it missed because it did not read, and has not been told of."""
        self.borrowed = 0
        self._port = port
        self._decoder = zmtp.Decoder(LARGEST_MESSAGE)
        self._transport: asyncio.Transport | None = None
        self._ready = False
        self._paused = False
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        connection: socket.socket = transport.get_extra_info("socket")
        if not self._port.admits(self, connection):
            self._transport.abort()
            return
        self._transport.write(zmtp.GREETING + zmtp.encode_ready(self._port.kind))
        self._patience = asyncio.get_running_loop().call_later(HANDSHAKE_SECONDS, self.abort)

    def data_received(self, data: bytes) -> None:
        if self.gone.done():
            return
        try:
            for received in self._decoder.feed(data):
                self._take(received)
        except zmtp.NotZmtp as error:
            self._port.note_nonsense(str(error))
            self.abort()

    def resume_writing(self) -> None:
        if self.unsent:
            self._port.hearer.on_caught_up(self)

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        if self._patience is not None:
            self._patience.cancel()
        if not self.gone.done():
            self.gone.set_result(None)
        self._port.lose(self)

    @property
    def waiting(self) -> int:
        """Bytes that wait until it reads; none if it has gone."""
        if self._transport is None or self._transport.is_closing():
            return 0
        return self._transport.get_write_buffer_size()

    def send(self, message: bytes) -> bool:
        """Send an encoded message, unless too much waits for the peer already; return whether."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return False
        if not self._port.room.has(self, len(message)):
            self.unsent += 1
            return False
        transport.write(message)
        return True

    def pause(self) -> None:
        """Take in nothing from it for a while; what it says waits at its end."""
        if self._transport is not None and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Take in again what it says."""
        if self._transport is not None and self._paused:
            self._paused = False
            self._transport.resume_reading()

    def close(self) -> None:
        """Close the connection when all is sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def _take(self, received: zmtp.Received) -> None:
        if self._ready:
            if isinstance(received, zmtp.Command):
                answer = zmtp.answer_ping(received)
                if answer is not None:
                    self.send(answer)
                    return
            self._port.hearer.on_received(self, received)
            return
        if not isinstance(received, zmtp.Command):
            raise zmtp.NotZmtp("a message comes before READY")
        kind, identity = zmtp.read_ready(received)
        if kind not in _PARTNERS[self._port.kind]:
            raise zmtp.NotZmtp(f"a socket of type {kind[:10]!r} cannot talk with {self._port.kind}")
        self._ready = True
        if self._patience is not None:
            self._patience.cancel()
        self.identity = identity or b"\0" + secrets.token_bytes(8)
        self._port.settle(self)
