"""The framing ``v1.kernel.websocket.jupyter.org``: parts one behind the other, and where each begins.

::

    u64 count of offsets · as many u64 offsets · channel · header · parent header · metadata · content ·
    buffers …

all integers little-endian, offsets counted from the begin of the frame, the last one its length. The
agent link carries messages of WebSockets in this framing, too.
"""

from __future__ import annotations

import struct
from itertools import accumulate, pairwise

from kernelyard.wire.multipart import Parts
from kernelyard.wire.websocket import MOST_PARTS, Framed, MalformedFrame, checked_channel

PROTOCOL = "v1.kernel.websocket.jupyter.org"
_SIZE = 8
_FIXED = 5
"""Parts that each message has: channel, header, parent header, metadata and content."""
_COUNT = struct.Struct("<Q")
_PLAIN = struct.Struct(f"<{_FIXED + 2}Q")
_PLAIN_COUNT = _FIXED + 1


def encode(channel: str, parts: Parts) -> bytes:
    """Return the frame of a message."""
    name = channel.encode()
    header, parent, metadata, content = parts.header, parts.parent, parts.metadata, parts.content
    if not parts.buffers:
        at = _PLAIN.size
        one = at + len(name)
        two = one + len(header)
        three = two + len(parent)
        four = three + len(metadata)
        table = _PLAIN.pack(_PLAIN_COUNT, at, one, two, three, four, four + len(content))
        return b"".join((table, name, header, parent, metadata, content))
    pieces = (name, header, parent, metadata, content, *parts.buffers)
    count = len(pieces) + 1
    offsets = accumulate(map(len, pieces), initial=_SIZE * (count + 1))
    return b"".join((struct.pack(f"<{count + 1}Q", count, *offsets), *pieces))


def decode(data: bytes, most_parts: int | None = MOST_PARTS) -> Framed:
    """Return the message in a frame; what kernels say may have any number of parts.

    Raises MalformedFrame.
    """
    offsets = _offsets(data, most_parts)
    name, header, parent, metadata, content, *buffers = (
        data[begin:end] for begin, end in pairwise(offsets)
    )
    channel = checked_channel(name.decode(errors="replace"))
    return Framed(channel, Parts(header, parent, metadata, content, buffers))


def _offsets(data: bytes, most_parts: int | None) -> tuple[int, ...]:
    size = len(data)
    if size < _SIZE:
        raise MalformedFrame(f"it has {size} bytes and no table of offsets")
    (count,) = _COUNT.unpack_from(data)
    if count <= _FIXED:
        raise MalformedFrame(
            f"its table has {count} offsets; a message has {_FIXED} parts, so {_FIXED + 1} at least"
        )
    if most_parts is not None and count > most_parts + 1:
        raise MalformedFrame(
            f"its table claims {count} offsets; at most {most_parts + 1} are taken"
        )
    begin = _SIZE * (count + 1)
    if begin > size:
        raise MalformedFrame(f"its table of {count} offsets is longer than its {size} bytes")
    offsets: tuple[int, ...] = struct.unpack_from(f"<{count}Q", data, _SIZE)
    if offsets[0] < begin:
        raise MalformedFrame("its first part begins inside the table of offsets")
    if offsets[-1] != size:
        raise MalformedFrame(f"its last offset is {offsets[-1]}, but it has {size} bytes")
    if any(one > two for one, two in pairwise(offsets)):
        raise MalformedFrame("its offsets do not ascend")
    return offsets
