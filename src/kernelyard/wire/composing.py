"""Kernel messages that we write ourselves, to clients as a kernel would."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import uuid4

import msgspec

from kernelyard.wire.messages import PROTOCOL_VERSION
from kernelyard.wire.multipart import Parts

_EMPTY = b"{}"
_encoder = msgspec.json.Encoder()


class _Header(msgspec.Struct, frozen=True):
    msg_id: str
    msg_type: str
    session: str
    date: str
    username: str = "kernelyard"
    version: str = PROTOCOL_VERSION


@dataclass(frozen=True, slots=True)
class Composer:
    """Writes messages in the name of one session; every one has an id of its own."""

    session: str

    def compose(
        self, msg_type: str, content: object, *, date: str, parent: bytes = _EMPTY
    ) -> Parts:
        """Return a message; ``parent`` is the header of the request that it belongs to."""
        header = self.header(msg_type, date=date, msg_id=uuid4().hex)
        return Parts(header, parent, _EMPTY, _encoder.encode(content))

    def header(self, msg_type: str, *, date: str, msg_id: str) -> bytes:
        """Return a header."""
        return _encoder.encode(_Header(msg_id, msg_type, self.session, date))
