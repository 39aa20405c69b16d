"""Kernel messages in WebSocket frames, in whatever framing: what all framings have in common.

A frame carries one message of one channel. Content stays the bytes that came; only a header is read.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from kernelyard.wire.composing import Composer
from kernelyard.wire.multipart import MalformedMessage, Parts

SHELL = "shell"
CONTROL = "control"
STDIN = "stdin"
IOPUB = "iopub"
FROM_CLIENTS = frozenset({SHELL, CONTROL, STDIN})
"""Channels on which a client may send."""
CHANNELS = FROM_CLIENTS | {IOPUB}
MOST_PARTS = 4096
"""Parts of one message, its buffers included."""
_SHOWN = 40
_COMPOSER = Composer("kernelyard")


class MalformedFrame(MalformedMessage):
    """A frame that carries no kernel message; what is wrong is said to whoever has sent it."""


class Framed(msgspec.Struct, frozen=True, gc=False):
    """A message, and the channel that it belongs to."""

    channel: str
    parts: Parts


def checked_channel(name: str) -> str:
    """Return the name of a channel. Raises MalformedFrame if there is none of that name."""
    if name not in CHANNELS:
        raise MalformedFrame(
            f"there is no channel {name[:_SHOWN]!r}; write {', '.join(sorted(CHANNELS))}"
        )
    return name


def not_understood(problem: str) -> Framed:
    """Return what tells a client that a frame of it was passed over, and why.

    It comes as text on stderr that belongs to no request, which every client may show or ignore.
    """
    text = f"[kernelyard] A frame was not understood and is ignored: {problem}.\n"
    made = _COMPOSER.compose(
        "stream", {"name": "stderr", "text": text}, date=datetime.now(UTC).isoformat()
    )
    return Framed(IOPUB, made)
