"""The one socket of an agent at which kernels register that choose their ports themselves.

It is on loopback, and there only while a kernel is awaited: anybody on this machine can send to it, and
ZeroMQ takes in a message of any number of parts. What is not signed with the key of an awaited kernel
is passed over; the size of parts and the number of messages that wait are bounded.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

import zmq

from kernelyard.agent.logs import Log
from kernelyard.wire.multipart import MalformedMessage
from kernelyard.wire.registration import (
    LARGEST_MESSAGE,
    Ports,
    Registration,
    WrongPorts,
    read_registration,
)
from kernelyard.wire.signing import Signer

HOST = "127.0.0.1"
_BATCH = 20
_WAITING = 100
_COMPLAINT_SECONDS = 60.0
_FAREWELL_MS = 1000
"""How long the last answers may take to leave a socket that is closed."""


@dataclass(eq=False, slots=True)
class Expected:
    """One kernel that is to register."""

    signer: Signer
    registrar: Registrar
    ports: asyncio.Future[Ports] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
    """Where it listens, once it has said so; WrongPorts if it says what cannot be."""

    def close(self) -> None:
        """It is not awaited any more."""
        self.registrar.forget(self)
        if not self.ports.done():
            self.ports.cancel()
        elif not self.ports.cancelled():
            self.ports.exception()


class Registrar:
    """Listens for kernels that register, and answers them."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], log: Log) -> None:
        self._context = context
        self._log = log
        self._socket: zmq.Socket[bytes] | None = None
        self._descriptor = -1
        self._port = 0
        self._expected: list[Expected] = []
        self._complained_at = float("-inf")
        self._scheduled = False

    @property
    def address(self) -> tuple[str, int]:
        """Where the kernels that are awaited register; the port is 0 while none is."""
        return HOST, self._port

    def expect(self, key: str) -> Expected:
        """Await a kernel that signs with ``key``; its ``close`` must be called.

        Raises OSError if no port can be had.
        """
        if self._socket is None:
            self._open()
        expected = Expected(Signer(key.encode()), self)
        self._expected.append(expected)
        return expected

    def forget(self, expected: Expected) -> None:
        """Await a kernel no more."""
        if expected in self._expected:
            self._expected.remove(expected)
            if not self._expected:
                self.close()

    def close(self) -> None:
        """Close the socket; what was answered still leaves it."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            self._socket.close(linger=_FAREWELL_MS)
            self._socket, self._port = None, 0

    def _open(self) -> None:
        socket = self._context.socket(zmq.ROUTER)
        socket.rcvhwm = _WAITING
        socket.maxmsgsize = LARGEST_MESSAGE
        try:
            self._port = socket.bind_to_random_port(f"tcp://{HOST}")
        except zmq.ZMQError as error:
            socket.close()
            raise OSError(error.errno, f"no port for kernels to register: {error}") from error
        self._socket = socket
        self._descriptor = int(socket.get(zmq.FD))
        asyncio.get_running_loop().add_reader(self._descriptor, self._read)
        self._soon()

    def _soon(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        self._scheduled = False
        self._read()

    def _read(self) -> None:
        """Take in some messages; the rest in the next turn, so that a flood stops nobody."""
        for _ in range(_BATCH):
            if self._socket is None:
                return
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._take(frames)
        self._soon()

    def _take(self, frames: list[bytes]) -> None:
        try:
            registration = read_registration(frames)
        except MalformedMessage as error:
            self._complain(str(error))
            return
        for expected in self._expected:
            try:
                ports = registration.ports(expected.signer)
            except MalformedMessage:
                continue
            except WrongPorts as error:
                if not expected.ports.done():
                    expected.ports.set_exception(error)
                return
            # A kernel that asks again has not got its answer; the ports are those of the first time.
            self._acknowledge(registration, expected.signer)
            if not expected.ports.done():
                expected.ports.set_result(ports)
            return
        self._complain("no kernel that is awaited has signed it")

    def _acknowledge(self, registration: Registration, signer: Signer) -> None:
        answer = registration.acknowledgement(
            signer,
            msg_id=uuid4().hex,
            session="kernelyard",
            date=datetime.now(UTC).isoformat(),
        )
        try:
            if self._socket is not None:
                self._socket.send_multipart(answer, zmq.NOBLOCK)
        except zmq.ZMQError as error:
            self._log.warning("registrar.no_answer", problem=str(error))

    def _complain(self, problem: str) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._complained_at >= _COMPLAINT_SECONDS:
            self._complained_at = now
            self._log.warning("registrar.stranger", problem=problem)
