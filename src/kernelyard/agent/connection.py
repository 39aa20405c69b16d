"""Connections that we choose for a kernel, and the files that tell it of them."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

import msgspec

from kernelyard.agent.places import write_private
from kernelyard.wire.connections import Connection, Transport, parse_connection

_LOOPBACK = "127.0.0.1"


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


def new_key() -> str:
    """A key that nobody can guess, for one start of one kernel."""
    return secrets.token_hex(32)


def write_connection(path: Path, connection: Connection, *, lasting: bool = False) -> None:
    """Write a connection file that only its owner may read.

    It is ``lasting`` for a kernel that may outlive this system, for it runs elsewhere.
    """
    write_private(path, msgspec.json.encode(connection), see_on_disk=lasting)


def read_connection(path: Path) -> Connection | None:
    """Return what a connection file says; None if there is none that can be read and names ports."""
    try:
        connection = parse_connection(path.read_bytes())
    except (OSError, ValueError):
        return None
    return connection if all(port > 0 for port in connection.ports) else None


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
        key=new_key(),
        kernel_name=kernel_name,
    )
