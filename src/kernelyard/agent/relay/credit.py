"""How much is on its way to a kernel that it has not dealt with yet.

The sockets to a kernel take in whatever they are given, so somebody has to count. A kernel says busy and
idle for each request, in the order in which they came; a sign of one is a sign of all before it.
"""

from __future__ import annotations

MOST_MESSAGES = 1000
MOST_BYTES = 64 * 1024 * 1024


class Credit:
    """Counts what was passed on to one channel of a kernel."""

    def __init__(self, most_messages: int = MOST_MESSAGES, most_bytes: int = MOST_BYTES) -> None:
        self._most_messages = most_messages
        self._most_bytes = most_bytes
        self._sent: dict[str, int] = {}
        self._bytes = 0

    @property
    def used_up(self) -> bool:
        """Whether nothing more should be passed on for now."""
        return len(self._sent) >= self._most_messages or self._bytes >= self._most_bytes

    def spend(self, msg_id: str, size: int) -> None:
        """A message is passed on."""
        self._bytes += size - self._sent.pop(msg_id, 0)
        self._sent[msg_id] = size

    def settle(self, msg_id: str) -> None:
        """The kernel has dealt with a message, and so with those before it."""
        if msg_id not in self._sent:
            return
        for before in list(self._sent):
            self._bytes -= self._sent.pop(before)
            if before == msg_id:
                return

    def clear(self) -> None:
        """The process has ended; what was on its way is gone."""
        self._sent.clear()
        self._bytes = 0
