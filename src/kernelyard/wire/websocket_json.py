"""The default framing: one JSON object in a text frame, or in a binary one with buffers behind it.

The binary form begins with u32 numbers, big-endian: how many parts there are, and where each begins,
counted from the begin of the frame; the first part is the JSON, the others are buffers.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import accumulate, pairwise

import msgspec

from kernelyard.wire.messages import clean_content, read_header
from kernelyard.wire.multipart import MalformedMessage, Parts
from kernelyard.wire.websocket import MOST_PARTS, SHELL, Framed, MalformedFrame, checked_channel

_SIZE = 4
_COUNT = struct.Struct(">I")
_LARGEST = 2**32 - 1
_EMPTY = b"{}"
_NULL = b"null"


class _Incoming(msgspec.Struct, frozen=True):
    header: msgspec.Raw
    channel: str | None = SHELL
    parent_header: msgspec.Raw = msgspec.Raw(_EMPTY)
    metadata: msgspec.Raw = msgspec.Raw(_EMPTY)
    content: msgspec.Raw = msgspec.Raw(_EMPTY)


_incoming = msgspec.json.Decoder(_Incoming)
_text = msgspec.json.Encoder()


def encode(framed: Framed) -> str | bytes:
    """Return the frame of a message: text, or bytes if it has buffers. Raises MalformedMessage."""
    parts = framed.parts
    if parts.buffers:
        return _with_buffers(_spliced(framed), parts.buffers)
    try:
        return _spliced(framed).decode()
    except UnicodeDecodeError:
        return _spliced(_cleaned(framed)).decode()


def decode(data: str | bytes) -> Framed:
    """Return the message in a text frame or a binary one. Raises MalformedFrame."""
    buffers: Sequence[bytes] = ()
    if isinstance(data, bytes):
        data, *buffers = _parts(data)
    try:
        read = _incoming.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise MalformedFrame(f"it is no kernel message in JSON: {error}") from error
    channel = checked_channel(read.channel or SHELL)
    header, parent = _object(read.header, "header"), _object(read.parent_header, "parent_header")
    metadata, content = _object(read.metadata, "metadata"), _object(read.content, "content")
    return Framed(channel, Parts(header, parent, metadata, content, buffers))


def _object(raw: msgspec.Raw, name: str) -> bytes:
    data = bytes(raw)
    if data == _NULL and name != "header":
        return _EMPTY
    if not data.startswith(b"{"):
        raise MalformedFrame(f"its {name} is no JSON object")
    return data


def _spliced(framed: Framed) -> bytes:
    parts = framed.parts
    header = read_header(parts.header)
    return b"".join(
        (
            b'{"channel":"',
            framed.channel.encode(),
            b'","msg_id":',
            _text.encode(header.msg_id),
            b',"msg_type":',
            _text.encode(header.msg_type),
            b',"header":',
            parts.header,
            b',"parent_header":',
            parts.parent,
            b',"metadata":',
            parts.metadata,
            b',"content":',
            parts.content,
            b',"buffers":[]}',
        )
    )


def _cleaned(framed: Framed) -> Framed:
    """The same message in UTF-8, where a kernel has written something else."""
    parts = framed.parts
    header, parent, metadata, content = map(
        clean_content, (parts.header, parts.parent, parts.metadata, parts.content)
    )
    return Framed(framed.channel, Parts(header, parent, metadata, content, parts.buffers))


def _with_buffers(message: bytes, buffers: Sequence[bytes]) -> bytes:
    pieces = (message, *buffers)
    *begins, end = accumulate(map(len, pieces), initial=_SIZE * (len(pieces) + 1))
    if end > _LARGEST:
        raise MalformedMessage(f"a message of {end} bytes is over what this framing can carry")
    return b"".join((struct.pack(f">{len(pieces) + 1}I", len(pieces), *begins), *pieces))


def _parts(data: bytes) -> list[bytes]:
    size = len(data)
    if size < _SIZE:
        raise MalformedFrame(f"it has {size} bytes and no table of offsets")
    (count,) = _COUNT.unpack_from(data)
    if not 0 < count <= MOST_PARTS:
        raise MalformedFrame(f"it claims {count} parts; from 1 to {MOST_PARTS} are taken")
    begin = _SIZE * (count + 1)
    if begin > size:
        raise MalformedFrame(f"its table of {count} offsets is longer than its {size} bytes")
    offsets: tuple[int, ...] = (*struct.unpack_from(f">{count}I", data, _SIZE), size)
    if offsets[0] < begin:
        raise MalformedFrame("its first part begins inside the table of offsets")
    if any(one > two for one, two in pairwise(offsets)):
        raise MalformedFrame("its offsets do not ascend, or lie behind its end")
    return [data[one:two] for one, two in pairwise(offsets)]
