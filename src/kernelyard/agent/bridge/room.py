"""How much may wait in memory for clients that read slowly: for each, and for all of an agent."""

from __future__ import annotations

from typing import Protocol

MIB = 1024 * 1024
MOST_EACH = 128 * MIB
MOST_IN_ALL = 256 * MIB
_RESERVE = 8 * MIB
_SMALL = 64 * 1024
"""Messages up to this size may use the reserve: a client that missed pictures still learns of an end."""
_NOTHING = MIB
"""What waits for everybody now and then."""


class Slow(Protocol):
    """A client that may be slow."""

    borrowed: int
    """Bytes of small messages that it was sent beyond its bound."""

    @property
    def waiting(self) -> int:
        """Bytes that wait for it."""
        ...


class Room:
    """The memory that slow clients share."""

    def __init__(self, most_each: int = MOST_EACH, most_in_all: int = MOST_IN_ALL) -> None:
        self._most_each = most_each
        self._most_in_all = most_in_all
        self._slow: set[Slow] = set()

    def has(self, client: Slow, size: int) -> bool:
        """Whether so many bytes more may wait for a client."""
        if client.waiting + size <= _NOTHING:
            client.borrowed = 0
            return True
        if self._fits(client, size):
            return True
        if size > _SMALL or client.borrowed + size > _RESERVE:
            return False
        client.borrowed += size
        return True

    def _fits(self, client: Slow, size: int) -> bool:
        waiting = client.waiting
        if waiting and waiting + size > self._most_each:
            return False
        self._slow = {one for one in self._slow if one.waiting > _NOTHING} | {client}
        return sum(one.waiting for one in self._slow) + size <= self._most_in_all
