"""Whose request a message of the kernel belongs to."""

from __future__ import annotations

from kernelyard.wire.multipart import Parts

MOST_KEPT = 4000
"""Requests whose senders are remembered; the oldest are forgotten first."""


class Routes:
    """Knows the way back to a client.

    Its identity travels with a request, and kernels send it back before their reply. Some send back
    the identity of our own socket only; then the request is known by its id.
    """

    def __init__(self) -> None:
        self._senders: dict[str, bytes] = {}

    def note(self, msg_id: str, client: bytes) -> None:
        """A client has sent a request."""
        if len(self._senders) >= MOST_KEPT:
            del self._senders[next(iter(self._senders))]
        self._senders[msg_id] = client

    def client_of(self, parts: Parts, parent_id: str) -> bytes | None:
        """Return whom a message is for; None if it is for nobody who has asked."""
        return parts.identities[0] if parts.identities else self._senders.get(parent_id)
