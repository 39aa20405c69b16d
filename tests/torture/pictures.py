"""PNG pictures made by hand, the same here and in a kernel."""

from __future__ import annotations

import random
import struct
import zlib


def png(seed: str, side: int) -> bytes:
    """Return a square grey picture of noise."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    noise = random.Random(seed)  # noqa: S311 - a picture, not a secret
    rows = b"".join(b"\0" + noise.randbytes(side) for _ in range(side))
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
