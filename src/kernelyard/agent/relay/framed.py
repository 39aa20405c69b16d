"""Messages for clients as frames of the agent link; what is too large for one is told instead."""

from __future__ import annotations

from datetime import UTC, datetime

from kernelyard.wire import nanny, websocket_v1
from kernelyard.wire.composing import Composer
from kernelyard.wire.framing import LARGEST_FRAME, frame
from kernelyard.wire.messages import read_header
from kernelyard.wire.multipart import Parts
from kernelyard.wire.websocket import IOPUB

TOO_LARGE = "MessageTooLarge"


def framed(composer: Composer, channel: str, parts: Parts, most: int = LARGEST_FRAME) -> bytes:
    """Return the frame of a message, or of a word about it if that would be over ``most`` bytes."""
    payload = websocket_v1.encode(channel, parts)
    if len(payload) > most:
        payload = websocket_v1.encode(channel, _instead(composer, channel, parts, len(payload)))
    return frame(payload)


def _instead(composer: Composer, channel: str, parts: Parts, size: int) -> Parts:
    text = f"A message of {size} bytes is too large to be passed on."
    date = datetime.now(UTC).isoformat()
    if channel == IOPUB:
        said = {"name": "stderr", "text": f"[kernelyard] {text}\n"}
        return composer.compose("stream", said, date=date, parent=parts.parent)
    msg_type = read_header(parts.header).msg_type
    return composer.compose(msg_type, nanny.error(TOO_LARGE, text), date=date, parent=parts.parent)
