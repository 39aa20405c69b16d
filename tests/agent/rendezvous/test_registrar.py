"""One socket for all kernels that register; strangers get no answer and stop nobody."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
from collections.abc import AsyncIterator

import pytest
import zmq
import zmq.asyncio

from kernelyard.agent.logs import Log
from kernelyard.agent.rendezvous.registrar import Registrar
from kernelyard.wire.connections import PORTS
from kernelyard.wire.multipart import DELIMITER, Parts, join
from kernelyard.wire.registration import LARGEST_MESSAGE, WrongPorts
from kernelyard.wire.signing import Signer

from tests.support.agent_process import wait_until

SECONDS = 10
CHOSEN = (50001, 50002, 50003, 50004, 50005)


def in_dialect_a(key: str, ports: tuple[int, ...] = CHOSEN) -> list[bytes]:
    content = json.dumps({name: str(port) for name, port in zip(PORTS, ports, strict=True)})
    signature = hmac.new(key.encode(), content.encode(), hashlib.sha256).hexdigest()
    return [DELIMITER, signature.encode(), content.encode()]


def in_dialect_b(key: str, ports: tuple[int, ...] = CHOSEN) -> list[bytes]:
    content = json.dumps(dict(zip(PORTS, ports, strict=True))).encode()
    header = b'{"msg_id":"1","msg_type":"handshake_request"}'
    return join(Parts(header, b"{}", b"{}", content), Signer(key.encode()))


def accepts(host: str, port: int) -> bool:
    """Whether somebody takes connections there."""
    with socket.socket() as one:
        return one.connect_ex((host, port)) == 0


class Callers:
    """Sockets that speak to a registrar."""

    def __init__(self, context: zmq.asyncio.Context, registrar: Registrar) -> None:
        self._context = context
        self._registrar = registrar
        self._sockets: list[zmq.asyncio.Socket] = []

    def connect(self, kind: int = zmq.DEALER) -> zmq.asyncio.Socket:
        socket = self._context.socket(kind)
        socket.linger = 0
        host, port = self._registrar.address
        socket.connect(f"tcp://{host}:{port}")
        self._sockets.append(socket)
        return socket

    def close(self) -> None:
        for one in self._sockets:
            one.close()


@pytest.fixture
async def registrar() -> AsyncIterator[Registrar]:
    with zmq.Context() as context:
        made = Registrar(context, Log())
        try:
            yield made
        finally:
            made.close()


@pytest.fixture
async def callers(registrar: Registrar) -> AsyncIterator[Callers]:
    with zmq.asyncio.Context() as context:
        made = Callers(context, registrar)
        try:
            yield made
        finally:
            made.close()


async def test_kernels_of_both_dialects_register_at_one_socket(
    registrar: Registrar, callers: Callers
) -> None:
    first, second = registrar.expect("first"), registrar.expect("second")
    other = tuple(port + 10 for port in CHOSEN)
    dealer, req = callers.connect(), callers.connect(zmq.REQ)
    await dealer.send_multipart(in_dialect_a("first"))
    await req.send_multipart(in_dialect_b("second", other))
    async with asyncio.timeout(SECONDS):
        assert await first.ports == CHOSEN
        assert await second.ports == other
        delimiter, signature, content = await dealer.recv_multipart()
        assert (delimiter, signature) == (DELIMITER, Signer(b"first").sign([content]))
        assert len(await req.recv_multipart()) == 6
    first.close()
    second.close()


async def test_what_no_awaited_kernel_signed_gets_no_answer_and_stops_nobody(
    registrar: Registrar, callers: Callers
) -> None:
    gone, awaited = registrar.expect("gone"), registrar.expect("key")
    gone.close()
    stranger = callers.connect()
    for frames in (
        in_dialect_a("guess"),
        in_dialect_b("guess"),
        in_dialect_a("gone"),
        in_dialect_a(""),
        [b""],
        [DELIMITER],
        [b"x"] * 50,
        [DELIMITER, b"", b"{}"],
    ):
        await stranger.send_multipart(frames)
    kernel = callers.connect()
    await kernel.send_multipart(in_dialect_a("key"))
    async with asyncio.timeout(SECONDS):
        assert await awaited.ports == CHOSEN
        await kernel.recv_multipart()
    # The stranger's messages were sent, and read, before those of the kernel.
    assert not await stranger.poll(0)
    awaited.close()


async def test_a_flood_and_messages_without_measure_do_not_keep_a_kernel_out(
    registrar: Registrar, callers: Callers
) -> None:
    awaited = registrar.expect("key")
    flood, giant, kernel = callers.connect(), callers.connect(), callers.connect()
    await giant.send_multipart([DELIMITER, b"", b"x" * (LARGEST_MESSAGE + 1)])
    for _ in range(500):
        await flood.send_multipart(in_dialect_a("guess"))
    await kernel.send_multipart(in_dialect_a("key"))
    async with asyncio.timeout(SECONDS):
        assert await awaited.ports == CHOSEN
    awaited.close()


async def test_a_kernel_that_asks_again_is_answered_again_and_its_first_ports_hold(
    registrar: Registrar, callers: Callers
) -> None:
    awaited = registrar.expect("key")
    kernel = callers.connect()
    async with asyncio.timeout(SECONDS):
        for ports in (CHOSEN, tuple(port + 10 for port in CHOSEN)):
            await kernel.send_multipart(in_dialect_a("key", ports))
            await kernel.recv_multipart()
    assert await awaited.ports == CHOSEN
    awaited.close()


async def test_a_kernel_that_registers_without_ports_is_told_from_one_that_is_silent(
    registrar: Registrar, callers: Callers
) -> None:
    awaited = registrar.expect("key")
    await callers.connect().send_multipart(in_dialect_a("key", (0, 0, 0, 0, 0)))
    async with asyncio.timeout(SECONDS):
        with pytest.raises(WrongPorts):
            await awaited.ports
    awaited.close()


async def test_it_listens_on_loopback_and_only_while_a_kernel_is_awaited(
    registrar: Registrar, callers: Callers
) -> None:
    assert registrar.address == ("127.0.0.1", 0)
    first, second = registrar.expect("first"), registrar.expect("second")
    host, port = address = registrar.address
    assert host == "127.0.0.1"
    dealer = callers.connect()
    await dealer.send_multipart(in_dialect_a("first"))
    await first.ports
    first.close()
    assert registrar.address == address
    second.close()
    assert registrar.address == ("127.0.0.1", 0)
    async with asyncio.timeout(SECONDS):
        # What was answered before it was closed has left.
        assert len(await dealer.recv_multipart()) == 3
    await wait_until(lambda: not accepts(host, port))
    third = registrar.expect("third")
    again = callers.connect()
    await again.send_multipart(in_dialect_a("third"))
    async with asyncio.timeout(SECONDS):
        assert await third.ports == CHOSEN
    third.close()
