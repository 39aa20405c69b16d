"""From the server's JSON to typed data, and from calls to JSON."""

from __future__ import annotations

import json
from collections.abc import Hashable
from functools import lru_cache
from typing import Any, TypeVar, cast
from urllib.parse import quote

import msgspec

from kernelyard.client.errors import InvalidRequestError, UnexpectedAnswerError

T = TypeVar("T")


@lru_cache(maxsize=64)
def _decoder(kind: Hashable) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(cast("Any", kind))


def decode(data: bytes, kind: type[T]) -> T:
    """Return ``data`` as ``kind``. Fields that we do not know are passed over."""
    try:
        result: T = _decoder(cast("Hashable", kind)).decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _decode_loosely(data, kind)
    return result


def _decode_loosely(data: bytes, kind: type[T]) -> T:
    """Kernels may say NaN, Infinity or half a surrogate pair; Python's own reader takes these."""
    try:
        return msgspec.convert(json.loads(data), kind)
    except (ValueError, msgspec.ValidationError) as error:
        name = getattr(kind, "__name__", str(kind))
        raise UnexpectedAnswerError(
            f"The server's answer cannot be read as {name} ({error}). Check that the address is "
            "a kernelyard server's and that its version fits this client's."
        ) from error


def encode(value: object) -> bytes:
    """Return ``value`` as JSON."""
    return json.dumps(value, separators=(",", ":")).encode()


def segment(name: str) -> str:
    """Return ``name`` as one segment of a path, whatever it holds."""
    if not name:
        raise InvalidRequestError(
            f"{name!r} is no id or name. Give one as text.", status=400, code="invalid"
        )
    # A client may resolve dot segments before it sends; written so, they stay what they are.
    return "%2E" * len(name) if name in (".", "..") else quote(name, safe="")
