"""ZMTP 3.0, what ZeroMQ sockets say over TCP, as far as the end that listens has to know it.

::

    greeting: 64 bytes, with version and mechanism (only NULL: kernel messages are signed instead)
    then frames: flags · length (1 or 8 bytes) · body; a message is frames up to one without MORE
    the first frame of both sides is the command READY, with the socket's type and identity
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

_MORE, _LONG, _COMMAND = 1, 2, 4
_GREETING_SIZE = 64
_MECHANISM = slice(12, 32)
_SIGNATURE = b"\xff" + bytes(8) + b"\x7f"
GREETING = (_SIGNATURE + b"\x03\x00" + b"NULL").ljust(_GREETING_SIZE, b"\0")
LARGEST_IDENTITY = 255


class NotZmtp(ValueError):
    """What came is nothing that a ZeroMQ socket says, or is larger than we take in."""


class Command(msgspec.Struct, frozen=True):
    """A frame that is no message, such as READY or PING."""

    name: bytes
    data: bytes


Received = Command | list[bytes]


class Decoder:
    """Takes apart what one peer says, in whatever pieces it comes."""

    def __init__(self, largest: int) -> None:
        """``largest`` is the most bytes that one message may have."""
        self._largest = largest
        self._buffer = bytearray()
        self._greeted = False
        self._frames: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[Received]:
        """Return what is complete now. Raises NotZmtp; then nothing more can be understood."""
        self._buffer += data
        if not self._greeted and not self._greeting():
            return []
        received: list[Received] = []
        while (frame := self._frame()) is not None:
            flags, body = frame
            if flags & _COMMAND:
                received.append(_command(body))
                continue
            self._frames.append(body)
            if not flags & _MORE:
                received.append(self._frames)
                self._frames, self._size = [], 0
        return received

    def _greeting(self) -> bool:
        buffer = self._buffer
        if buffer and buffer[0] != 0xFF:
            raise NotZmtp("this is no ZeroMQ socket")
        if len(buffer) < _GREETING_SIZE:
            return False
        if not buffer[9] & 1 or buffer[10] < 3:
            raise NotZmtp("this ZeroMQ socket is older than ZeroMQ 4")
        if bytes(buffer[_MECHANISM]).rstrip(b"\0") != b"NULL":
            raise NotZmtp("this ZeroMQ socket wants another security mechanism than NULL")
        del buffer[:_GREETING_SIZE]
        self._greeted = True
        return True

    def _frame(self) -> tuple[int, bytes] | None:
        buffer = self._buffer
        if not buffer:
            return None
        flags = buffer[0]
        if flags & ~(_MORE | _LONG | _COMMAND):
            raise NotZmtp(f"a frame has the unknown flags {flags:#x}")
        head = 9 if flags & _LONG else 2
        if len(buffer) < head:
            return None
        size = int.from_bytes(buffer[1:head], "big")
        if self._size + size > self._largest:
            raise NotZmtp(f"a message has over {self._largest} bytes")
        if len(buffer) < head + size:
            return None
        body = bytes(memoryview(buffer)[head : head + size])
        del buffer[: head + size]
        if not flags & _COMMAND:
            # An empty frame costs something, too.
            self._size += size + head
        return flags, body


def encode_message(frames: Sequence[bytes]) -> bytes:
    """Return the bytes of a message."""
    parts: list[bytes] = []
    last = len(frames) - 1
    for at, body in enumerate(frames):
        parts += (_head(_MORE if at < last else 0, len(body)), body)
    return b"".join(parts)


def encode_command(name: bytes, data: bytes = b"") -> bytes:
    """Return the bytes of a command."""
    body = bytes([len(name)]) + name + data
    return _head(_COMMAND, len(body)) + body


def encode_ready(socket_type: str) -> bytes:
    """Return the READY command of a socket of ours."""
    value = socket_type.encode()
    return encode_command(b"READY", b"\x0bSocket-Type" + len(value).to_bytes(4, "big") + value)


def read_ready(command: Command) -> tuple[str, bytes]:
    """Return type and identity of the socket that says it is ready. Raises NotZmtp."""
    if command.name != b"READY":
        raise NotZmtp("the first command is not READY")
    found: dict[bytes, bytes] = {}
    data, at = command.data, 0
    while at < len(data):
        name_end = at + 1 + data[at]
        value_end = name_end + 4 + int.from_bytes(data[name_end : name_end + 4], "big")
        if value_end > len(data):
            raise NotZmtp("the READY command is cut off")
        found[data[at + 1 : name_end].lower()] = data[name_end + 4 : value_end]
        at = value_end
    identity = found.get(b"identity", b"")
    if len(identity) > LARGEST_IDENTITY:
        raise NotZmtp("a socket's identity is too long")
    return found.get(b"socket-type", b"").decode("latin-1"), identity


def read_subscription(received: Received) -> tuple[bool, bytes] | None:
    """Return whether a topic is subscribed to or given up, and which; None if it is neither.

    Sockets say it in messages (ZMTP 3.0) or in commands (3.1).
    """
    if isinstance(received, Command):
        if received.name == b"SUBSCRIBE":
            return True, received.data
        return (False, received.data) if received.name == b"CANCEL" else None
    if len(received) != 1 or received[0][:1] not in (b"\0", b"\1"):
        return None
    return received[0][:1] == b"\1", received[0][1:]


def answer_ping(command: Command) -> bytes | None:
    """Return the answer to a sign of life that wants one; None if the command is no such thing."""
    return encode_command(b"PONG", command.data[2:]) if command.name == b"PING" else None


def _command(body: bytes) -> Command:
    if not body or len(body) < 1 + body[0]:
        raise NotZmtp("a command is cut off")
    return Command(body[1 : 1 + body[0]], body[1 + body[0] :])


def _head(flags: int, size: int) -> bytes:
    if size > 255:
        return bytes([flags | _LONG]) + size.to_bytes(8, "big")
    return bytes([flags, size])
