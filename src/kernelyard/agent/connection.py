"""Connection files: how a kernel is told where to listen, and how we know where it does."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path
from typing import Literal

import msgspec

from kernelyard.agent.places import write_private
from kernelyard.wire.signing import SCHEME

Transport = Literal["ipc", "tcp"]
_LOOPBACK = "127.0.0.1"


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """The content of a connection file."""

    transport: Transport
    ip: str
    """For ``ipc`` the path with which the sockets' names begin."""
    shell_port: int
    iopub_port: int
    stdin_port: int
    control_port: int
    hb_port: int
    key: str
    signature_scheme: str = SCHEME
    kernel_name: str = ""

    def url(self, port: int) -> str:
        """The ZeroMQ address of one of the sockets."""
        if self.transport == "ipc":
            return f"ipc://{self.ip}-{port}"
        return f"tcp://{self.ip}:{port}"


def over_ipc(prefix: str, kernel_name: str) -> Connection:
    """A fresh connection over unix sockets: nobody can take its ports away."""
    return _connection("ipc", prefix, [1, 2, 3, 4, 5], kernel_name)


def over_tcp(kernel_name: str) -> Connection:
    """A fresh connection over TCP, for kernels that cannot use unix sockets.

    The ports are free now; another program could take one before the kernel does.
    """
    sockets = [socket.socket() for _ in range(5)]
    try:
        for one in sockets:
            one.bind((_LOOPBACK, 0))
        ports = [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()
    return _connection("tcp", _LOOPBACK, ports, kernel_name)


def write_connection(path: Path, connection: Connection) -> None:
    """Write a connection file that only its owner may read."""
    write_private(path, msgspec.json.encode(connection))


def read_connection(path: Path) -> Connection | None:
    """Return what a connection file says; None if there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Connection)
    except (OSError, msgspec.DecodeError):
        return None


def _connection(transport: Transport, ip: str, ports: list[int], kernel_name: str) -> Connection:
    shell, iopub, stdin, control, heartbeat = ports
    return Connection(
        transport=transport,
        ip=ip,
        shell_port=shell,
        iopub_port=iopub,
        stdin_port=stdin,
        control_port=control,
        hb_port=heartbeat,
        key=secrets.token_hex(32),
        kernel_name=kernel_name,
    )
