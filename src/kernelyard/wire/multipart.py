"""Kernel messages as ZeroMQ carries them: a list of byte strings.

::

    identities … · <IDS|MSG> · signature · header · parent header · metadata · content · buffers …
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from kernelyard.wire.signing import Signer

DELIMITER = b"<IDS|MSG>"


class MalformedMessage(ValueError):
    """The frames are no kernel message, or their signature is wrong."""


class WronglySigned(MalformedMessage):
    """A message whose signature was not made with our key."""


class Parts(msgspec.Struct, frozen=True, gc=False):
    """The parts of one message, as bytes that nobody has parsed."""

    header: bytes
    parent: bytes
    metadata: bytes
    content: bytes
    buffers: Sequence[bytes] = ()
    identities: Sequence[bytes] = ()
    """Routing on a shell or control socket, the topic on iopub."""


def join(parts: Parts, signer: Signer) -> list[bytes]:
    """Return the frames of a message, signed."""
    signed = (parts.header, parts.parent, parts.metadata, parts.content)
    return [*parts.identities, DELIMITER, signer.sign(signed), *signed, *parts.buffers]


def split(frames: Sequence[bytes], signer: Signer) -> Parts:
    """Return the parts of a message. Raises MalformedMessage."""
    at = _delimiter(frames)
    if len(frames) < at + 6:
        raise MalformedMessage("a message has fewer parts than the protocol demands")
    header, parent, metadata, content = signed = frames[at + 2 : at + 6]
    if not signer.verify(frames[at + 1], signed):
        raise WronglySigned("the signature of a message is wrong")
    return Parts(header, parent, metadata, content, frames[at + 6 :], frames[:at])


def _delimiter(frames: Sequence[bytes]) -> int:
    # Nearly every message of a kernel has exactly one frame before the delimiter.
    if len(frames) > 1 and frames[1] == DELIMITER:
        return 1
    for at, part in enumerate(frames):
        if part == DELIMITER:
            return at
    raise MalformedMessage("a message has no delimiter")
