"""Real ZeroMQ sockets at the ports of a bridge: who is welcome, who is heard, who is too slow."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import zmq
import zmq.asyncio

from kernelyard.agent.bridge import listening
from kernelyard.agent.bridge.desk import Desk, Heart
from kernelyard.agent.bridge.listening import Peer, Port, bind_loopback
from kernelyard.agent.bridge.neighbours import is_ours
from kernelyard.agent.bridge.publishing import Publisher
from kernelyard.agent.bridge.room import MIB, Room
from kernelyard.agent.logs import Log
from kernelyard.wire import zmtp
from kernelyard.wire.composing import Composer
from kernelyard.wire.multipart import Parts, join, split
from kernelyard.wire.requests import ClientHeader
from kernelyard.wire.signing import Signer

from tests.support.agent_process import wait_until

SIGNER = Signer(b"the key")
SECONDS = 10


class Places:
    """Opens ports and connects sockets to them."""

    def __init__(self) -> None:
        self.context = zmq.asyncio.Context()
        self.ports: list[Port] = []
        self._sockets: list[zmq.asyncio.Socket] = []

    async def serve(self, port: Port) -> int:
        bound = bind_loopback()
        number = int(bound.getsockname()[1])
        await port.serve(bound)
        self.ports.append(port)
        return number

    def connect(self, kind: int, number: int, **options: object) -> zmq.asyncio.Socket:
        made = self.context.socket(kind)
        made.linger = 0
        for name, value in options.items():
            setattr(made, name, value)
        made.connect(f"tcp://127.0.0.1:{number}")
        self._sockets.append(made)
        return made

    async def close(self) -> None:
        for one in self._sockets:
            one.close()
        self.context.term()
        for port in self.ports:
            await port.close()


@pytest.fixture
async def places() -> AsyncIterator[Places]:
    made = Places()
    yield made
    await made.close()


def publisher(room: Room | None = None) -> Publisher:
    return Publisher(
        Log(),
        lambda topic: [b"welcome", topic],
        lambda count: [b"missed %d" % count],
        room=room,
    )


async def test_each_client_is_welcomed_once_it_has_subscribed(places: Places) -> None:
    iopub = publisher()
    number = await places.serve(iopub.port)
    for topic in (b"", b"", b"stream"):
        client = places.connect(zmq.SUB, number)
        client.subscribe(topic)
        async with asyncio.timeout(SECONDS):
            assert await client.recv_multipart() == [topic, b"welcome", topic]
            iopub.publish([b"stream.stdout", b"hello"])
            assert await client.recv_multipart() == [b"stream.stdout", b"hello"]


async def test_a_client_hears_of_its_topics_only(places: Places) -> None:
    iopub = publisher()
    client = places.connect(zmq.SUB, await places.serve(iopub.port))
    client.subscribe(b"status")
    client.subscribe(b"error")
    async with asyncio.timeout(SECONDS):
        for _ in range(2):
            await client.recv_multipart()
        client.unsubscribe(b"error")
        client.subscribe(b"more")
        await client.recv_multipart()
        for topic in (b"stream", b"error", b"status"):
            iopub.publish([topic, b"x"])
        assert await client.recv_multipart() == [b"status", b"x"]


async def test_a_slow_client_misses_messages_is_told_so_and_delays_nobody(places: Places) -> None:
    iopub = publisher(Room(most_each=8 * MIB))
    number = await places.serve(iopub.port)
    fast = places.connect(zmq.SUB, number, rcvhwm=0)
    slow = places.connect(zmq.SUB, number, rcvhwm=1, rcvbuf=4096)
    for client in (fast, slow):
        client.subscribe(b"")
        await asyncio.wait_for(client.recv_multipart(), SECONDS)
    picture = b"p" * 1024 * 1024
    for count in range(64):
        iopub.publish([b"display_data", b"%d" % count, picture])
        async with asyncio.timeout(SECONDS):
            assert (await fast.recv_multipart())[1] == b"%d" % count
    iopub.publish([b"status", b"idle"])
    unsent = sum(peer.unsent for peer in iopub.port.peers.values())
    assert unsent > 20
    heard = []
    async with asyncio.timeout(SECONDS):
        while not heard or heard[-1] != b"missed %d" % unsent:
            heard.append((await slow.recv_multipart())[1])
    *pictures, idle, _ = heard
    # Which are left out depends on when the system takes in some of what waits.
    numbers = [int(one) for one in pictures]
    assert numbers == sorted(set(numbers))
    assert (len(numbers), idle) == (64 - unsent, b"idle")


class Notes:
    """A desk that notes what it is handed."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, ClientHeader]] = []
        self.desk = Desk(SIGNER, self._note, Log())

    def _note(self, peer: Peer, parts: Parts, header: ClientHeader) -> None:
        self.asked.append((peer.identity, header))


def a_request(signer: Signer = SIGNER, msg_type: str = "execute_request") -> list[bytes]:
    return join(Composer("s").compose(msg_type, {}, date="now"), signer)


async def test_clients_are_answered_by_their_identities(places: Places) -> None:
    notes = Notes()
    number = await places.serve(notes.desk.port)
    clients = {name: places.connect(zmq.DEALER, number, identity=name) for name in (b"a", b"b")}
    for name, client in clients.items():
        await client.send_multipart(a_request())
        await wait_until(lambda name=name: name in dict(notes.asked))
    for name in (b"b", b"a"):
        notes.desk.send(
            name, Composer("k").compose("execute_reply", {"to": name.decode()}, date="")
        )
        async with asyncio.timeout(SECONDS):
            reply = split(await clients[name].recv_multipart(), SIGNER)
        assert json.loads(reply.content) == {"to": name.decode()}


async def test_what_is_not_signed_with_the_key_is_passed_over(places: Places) -> None:
    notes = Notes()
    client = places.connect(zmq.DEALER, await places.serve(notes.desk.port))
    unsigned = a_request()
    unsigned[1] = b""
    changed = a_request()
    changed[5] = b'{"code":"evil"}'
    for frames in (unsigned, changed, a_request(Signer(b"other")), [b"x"], [b"<IDS|MSG>"]):
        await client.send_multipart(frames)
    await client.send_multipart(a_request(msg_type="the_good_one"))
    await wait_until(lambda: bool(notes.asked))
    assert [header.msg_type for _, header in notes.asked] == ["the_good_one"]


async def test_a_client_that_comes_again_takes_the_place_of_its_dead_connection(
    places: Places,
) -> None:
    notes = Notes()
    number = await places.serve(notes.desk.port)
    with a_stranger(number) as before:
        socket_type = zmtp.encode_ready("DEALER")
        before.sendall(zmtp.GREETING + with_identity(socket_type, b"me"))
        await wait_until(lambda: b"me" in notes.desk.port.peers)
        after = places.connect(zmq.DEALER, number, identity=b"me")
        await after.send_multipart(a_request())
        await wait_until(lambda: bool(notes.asked))
        assert await hangs_up(before)
    notes.desk.send(b"me", Composer("k").compose("execute_reply", {}, date=""))
    async with asyncio.timeout(SECONDS):
        await after.recv_multipart()


def with_identity(ready: bytes, identity: bytes) -> bytes:
    more = b"\x08Identity" + len(identity).to_bytes(4, "big") + identity
    return bytes([ready[0], ready[1] + len(more)]) + ready[2:] + more


async def test_the_heart_beats_only_while_the_kernel_lives(places: Places) -> None:
    alive = [True]
    heart = Heart(lambda: alive[0], Log())
    number = await places.serve(heart.port)
    client = places.connect(zmq.REQ, number)
    await client.send(b"ping")
    async with asyncio.timeout(SECONDS):
        assert await client.recv() == b"ping"
    alive[0] = False
    await client.send(b"ping")
    assert not await client.poll(300)


@contextlib.contextmanager
def a_stranger(number: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", number), timeout=SECONDS) as stranger:
        yield stranger


async def hangs_up(stranger: socket.socket) -> bool:
    def read_to_the_end() -> bool:
        try:
            while stranger.recv(4096):
                pass
        except ConnectionResetError:
            pass
        return True

    return await asyncio.to_thread(read_to_the_end)


async def test_who_speaks_no_zeromq_is_sent_away(places: Places) -> None:
    number = await places.serve(Notes().desk.port)
    with a_stranger(number) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert await hangs_up(stranger)
    client = places.connect(zmq.SUB, number)
    client.subscribe(b"")
    assert not await client.poll(300)


async def test_there_are_no_more_clients_than_there_may_be(places: Places) -> None:
    notes = Notes()
    number = await places.serve(notes.desk.port)
    clients = []
    for count in range(listening.MOST_PEERS):
        client = places.connect(zmq.DEALER, number, identity=b"c%d" % count)
        await client.send_multipart(a_request())
        clients.append(client)
    await wait_until(lambda: len(notes.desk.port.peers) == listening.MOST_PEERS)
    with a_stranger(number) as one_more:
        assert await hangs_up(one_more)
    clients.pop().close()
    await wait_until(lambda: len(notes.desk.port.peers) < listening.MOST_PEERS)
    places.connect(zmq.DEALER, number)
    await wait_until(lambda: len(notes.desk.port.peers) == listening.MOST_PEERS)


async def test_a_port_that_is_closed_is_free_at_once(places: Places) -> None:
    notes = Notes()
    number = await places.serve(notes.desk.port)
    client = places.connect(zmq.DEALER, number, reconnect_ivl=10)
    await client.send_multipart(a_request())
    await wait_until(lambda: bool(notes.asked))
    await notes.desk.port.close()
    again = Notes()
    bound = bind_loopback(number)
    await again.desk.port.serve(bound)
    places.ports.append(again.desk.port)
    await wait_until(lambda: bool(again.desk.port.peers))


@asynccontextmanager
async def a_connection() -> AsyncIterator[socket.socket]:
    with bind_loopback() as listening_socket:
        listening_socket.setblocking(True)
        with socket.create_connection(listening_socket.getsockname()):
            accepted, _ = listening_socket.accept()
            with accepted:
                yield accepted


async def test_a_process_of_ours_is_known_as_such() -> None:
    async with a_connection() as accepted:
        assert is_ours(accepted)


NOBODY = 65534
TALK = "exec 3<>/dev/tcp/127.0.0.1/$0 && head -c 64 <&3 | od -An -tx1 -N1"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
@pytest.mark.parametrize(("user", "greeted"), [(0, "ff"), (NOBODY, "")])
async def test_processes_of_other_users_are_sent_away(
    user: int, greeted: str, places: Places
) -> None:
    number = await places.serve(Notes().desk.port)
    talk = await asyncio.create_subprocess_exec(
        "bash", "-c", TALK, str(number), user=user, cwd="/", stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(SECONDS):
        said, _ = await talk.communicate()
    assert said.decode().strip() == greeted
