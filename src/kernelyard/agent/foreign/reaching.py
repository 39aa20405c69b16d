"""Whether a kernel listens at an address: something takes the connection and greets as ZeroMQ does."""

from __future__ import annotations

import asyncio
import socket
import stat
from pathlib import Path

from kernelyard.providers.launcher import LaunchFailed
from kernelyard.wire.connections import Connection

REACH_SECONDS = 3.0
_SIGNATURE = 10
"""Bytes with which each side of a ZeroMQ connection begins, before it has heard the other."""
_LOOK_SECONDS = 0.05
_LOCAL = ("127.", "::1", "localhost", "0.0.0.0")  # noqa: S104 - only compared with


class Unreachable(LaunchFailed):
    """Nobody listens there, or nobody who could be a kernel; the text says which."""


class Silent(Unreachable):
    """Somebody may listen there, and does not answer: he may be stopped, or far away."""


def is_local(connection: Connection) -> bool:
    """Whether the kernel's sockets are closed by this machine's system when the kernel ends."""
    return connection.transport == "ipc" or connection.ip.startswith(_LOCAL)


async def reach(connection: Connection, *, seconds: float = REACH_SECONDS) -> None:
    """See that a kernel listens where its connection says. Raises Unreachable."""
    where = connection.url(connection.control_port)
    try:
        async with asyncio.timeout(seconds):
            begun = await _greeting(connection, connection.control_port)
    except TimeoutError:
        raise Silent(f"whoever listens at {where} does not answer") from None
    except FileNotFoundError:
        raise Unreachable(f"nobody listens at {where}: there is no such socket") from None
    except ConnectionRefusedError:
        raise Unreachable(f"nobody listens at {where}: {_refused(connection)}") from None
    except (ConnectionResetError, asyncio.IncompleteReadError):
        raise Unreachable(f"whoever listens at {where} is no kernel") from None
    except socket.gaierror:
        raise Unreachable(f"there is no machine of the name {connection.ip!r}") from None
    except OSError as error:
        raise Unreachable(f"{where} cannot be reached: {error.strerror or error}") from None
    if begun[0] != 0xFF or not begun[-1] & 1:
        raise Unreachable(f"whoever listens at {where} is no kernel")


async def _greeting(connection: Connection, port: int) -> bytes:
    reader, writer = await _connected(connection, port)
    try:
        return await reader.readexactly(_SIGNATURE)
    finally:
        writer.transport.abort()


async def _connected(
    connection: Connection, port: int
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect; one whose queue of connections is full is there, and is asked again."""
    while True:
        try:
            if connection.transport == "ipc":
                return await asyncio.open_unix_connection(_path(connection, port))
            return await asyncio.open_connection(connection.ip, port)
        except BlockingIOError:
            await asyncio.sleep(_LOOK_SECONDS)


def _path(connection: Connection, port: int) -> str:
    return f"{connection.ip}-{port}"


def _refused(connection: Connection) -> str:
    if connection.transport == "ipc":
        try:
            mode = Path(_path(connection, connection.control_port)).stat().st_mode
        except OSError:
            mode = stat.S_IFSOCK
        if not stat.S_ISSOCK(mode):
            return "that is no socket"
    return "its kernel has ended"
