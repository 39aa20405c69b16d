"""Kernels that somebody else has started: what their connection files must say to be of use.

The key in a connection file is a secret. It stands in no error, and what tells such kernels from each
other (``identity_of``) does not give it away.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Literal

import msgspec

from kernelyard.wire.connections import Connection, parse_connection
from kernelyard.wire.signing import SCHEMES

LARGEST_FILE = 64 * 1024
"""Bytes; real connection files have some hundred."""
LONGEST_SOCKET = 107
"""Bytes of a unix socket's path; a longer one cannot exist on Linux."""
_LONGEST_KEY = 1024
_LARGEST_PORT = 65_535
_LARGEST_SUFFIX = 1_000_000
FOREIGN = "foreign"
"""Stands where kernels of ours have the provider of their image."""
InterruptBy = Literal["message", "signal"]
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:%-]{0,253}[A-Za-z0-9])?|::1?")
_HERE = frozenset({"localhost", "0.0.0.0", "::", "::1"})  # noqa: S104 - only compared with
_LOOPBACK = "127.0.0.1"


class Deposit(msgspec.Struct, tag="deposit", frozen=True, kw_only=True):
    """Keep where a kernel listens, for the launch of it that will follow.

    The server keeps nothing of it. What is not launched within a day is forgotten.
    """

    kernel_id: str
    connection: Connection
    pid: int | None = None
    """Its process on the agent's machine, as far as whoever attaches it knows."""
    interrupt_by: InterruptBy = "message"


class DepositFile(msgspec.Struct, tag="deposit_file", frozen=True):
    """The same of a file that ``external_files`` told of, so that its secret stays where it is."""

    kernel_id: str
    directory: str
    file: str
    identity: str


class ExternalFiles(msgspec.Struct, tag="external_files", frozen=True):
    """Which kernels have connection files in a directory of the agent's machine, and listen."""

    directory: str


class ExternalKernel(msgspec.Struct, frozen=True):
    """A kernel that somebody else has started, and that can be attached."""

    file: str
    identity: str
    kernel_name: str


class RefusedFile(msgspec.Struct, frozen=True):
    """A connection file that is not used."""

    file: str
    problem: str


class ExternalList(msgspec.Struct, tag="external_list", frozen=True):
    """The answer to external_files."""

    kernels: list[ExternalKernel] = []
    refused: list[RefusedFile] = []
    present: list[str] = []
    """Names of all files that could be connection files, whether their kernels live or not."""
    problem: str | None = None
    """Why the directory could not be read; then nothing is known of what is in it."""


def foreign_connection(content: bytes | str) -> Connection:
    """Return what the connection file of a kernel says. Raises ValueError with what is wrong with it."""
    if len(content) > LARGEST_FILE:
        raise ValueError(f"a connection file has less than {LARGEST_FILE} bytes")
    connection = parse_connection(content)
    if connection.signature_scheme not in SCHEMES:
        raise ValueError(
            f"its signature_scheme {connection.signature_scheme[:40]!r} is none that is known here: "
            f"{', '.join(sorted(SCHEMES))}"
        )
    if len(connection.key) > _LONGEST_KEY:
        raise ValueError(f"its key has more than {_LONGEST_KEY} characters")
    if len(set(connection.ports)) < len(connection.ports):
        raise ValueError("two of its ports are the same")
    if connection.transport == "ipc":
        _check_ipc(connection)
    else:
        _check_tcp(connection)
    return connection


def identity_of(connection: Connection) -> str:
    """What tells a kernel from all others, wherever its connection file lies; no secret."""
    host = _LOOPBACK if connection.ip in _HERE else connection.ip
    place = [connection.transport, host, *map(str, connection.ports)]
    said = " ".join(place).encode("utf-8", "surrogatepass")
    return hmac.new(
        connection.key.encode("utf-8", "surrogatepass"), said, hashlib.sha256
    ).hexdigest()


def _check_tcp(connection: Connection) -> None:
    if _HOST.fullmatch(connection.ip) is None:
        raise ValueError(
            f"its ip {connection.ip[:80]!r} is no address that one can connect to, such as 127.0.0.1"
        )
    for port in connection.ports:
        if not 1 <= port <= _LARGEST_PORT:
            raise ValueError(f"its port {port} is not one of 1 to {_LARGEST_PORT}")


def _check_ipc(connection: Connection) -> None:
    path = connection.ip
    if not path.startswith("/") or "\0" in path:
        raise ValueError(
            f"its ip {path[:80]!r} must be the absolute path with which the names of its sockets begin"
        )
    for port in connection.ports:
        if not 0 <= port <= _LARGEST_SUFFIX:
            raise ValueError(f"its port {port} is not one of 0 to {_LARGEST_SUFFIX}")
        length = len(f"{path}-{port}".encode("utf-8", "surrogatepass"))
        if length > LONGEST_SOCKET:
            raise ValueError(
                f"the paths of its sockets have {length} bytes, and a socket's path has at most "
                f"{LONGEST_SOCKET}"
            )
