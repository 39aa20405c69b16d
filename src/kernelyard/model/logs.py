"""What a kernel's process prints beside the protocol, as text."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

_LONGEST_CHARACTER = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelLogPart:
    """Some of a log. Offsets are bytes, counted from the first that was ever printed."""

    text: str
    begin: int
    end: int
    """Ask for what comes after this next."""
    size: int
    """How much was printed so far."""
    kept_from: int
    """What came before this is no longer kept."""


def without_torn_begin(data: bytes) -> bytes:
    """Leave out the end of a character whose beginning is not there."""
    torn = 0
    while torn < min(len(data), _LONGEST_CHARACTER - 1) and data[torn] & 0xC0 == 0x80:
        torn += 1
    return data[torn:]


def decoded(data: bytes, *, more: bool) -> tuple[str, int]:
    """Return the text of ``data`` and how many bytes it stands for.

    If there will be ``more``, the beginning of a character whose end is not there is left for then.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    text = decoder.decode(data, final=not more)
    left = len(decoder.getstate()[0])
    return text, len(data) - left
