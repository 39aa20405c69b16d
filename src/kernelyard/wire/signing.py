"""Signing kernel messages: an HMAC over header, parent, metadata and content."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable

SCHEME = "hmac-sha256"
"""What kernels of ours sign with."""
SCHEMES = {"hmac-sha256": "sha256", "hmac-sha512": "sha512", "hmac-md5": "md5"}
"""What connection files may name, and the hash of each."""
_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class Signer:
    """Signs and verifies with one key; an empty key means that nothing is signed.

    The two states of the hash that the key leads to are made once and copied for each message, which
    costs half of what ``hmac.new`` does.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes, scheme: str = SCHEME) -> None:
        """Raises ValueError for a scheme that is none of ``SCHEMES``."""
        if scheme not in SCHEMES:
            raise ValueError(
                f"messages cannot be signed by {scheme[:40]!r}, only by {', '.join(SCHEMES)}"
            )
        name = SCHEMES[scheme]
        block = hashlib.new(name).block_size
        if len(key) > block:
            key = hashlib.new(name, key).digest()
        padded = key.ljust(block, b"\0")
        self._inner = hashlib.new(name, padded.translate(_INNER)) if key else None
        self._outer = hashlib.new(name, padded.translate(_OUTER))

    def sign(self, parts: Iterable[bytes]) -> bytes:
        """Return the signature of ``parts`` in hexadecimal."""
        if self._inner is None:
            return b""
        inner = self._inner.copy()
        for part in parts:
            inner.update(part)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.hexdigest().encode()

    def verify(self, signature: bytes, parts: Iterable[bytes]) -> bool:
        """Whether ``signature`` is that of ``parts``; takes the same time wherever they differ.

        With an empty key there must be none: whoever signs has another key.
        """
        return hmac.compare_digest(signature, self.sign(parts))
