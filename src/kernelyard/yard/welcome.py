"""Whether whoever was let in for long would be let in still."""

from __future__ import annotations

from typing import Protocol

from kernelyard.model.errors import Unavailable
from kernelyard.model.principals import Principal
from kernelyard.ports.clock import Clock

AGAIN_SECONDS = 30.0
"""Between two looks while nothing is said."""
FRESH_SECONDS = 5.0
"""How old a look may be when something is asked for."""
AWAY_SECONDS = 1.0
"""Between two looks while the store cannot be asked."""
_MICROS = 1_000_000


class Doorkeeper(Protocol):
    """Whoever knows tokens."""

    async def authenticate(self, token: str | None) -> Principal:
        """Raises Unauthenticated, Unavailable."""
        ...


class Welcome:
    """That of one token. A store that is away for a moment takes it from nobody."""

    def __init__(self, access: Doorkeeper, clock: Clock, token: str | None) -> None:
        """The token was found good just now."""
        self._access = access
        self._clock = clock
        self._token = token
        self._due = self._in(FRESH_SECONDS)

    async def check(self) -> None:
        """Look, unless that was done a moment ago. Raises Unauthenticated."""
        if self._clock.now() >= self._due:
            await self._look()

    async def watch(self) -> None:
        """Look now and then, for ever. Raises Unauthenticated."""
        pause = AGAIN_SECONDS
        while True:
            await self._clock.sleep(pause)
            pause = AGAIN_SECONDS if await self._look() else AWAY_SECONDS

    async def _look(self) -> bool:
        """Look, and return whether that could be done."""
        try:
            await self._access.authenticate(self._token)
        except Unavailable:
            self._due = self._in(AWAY_SECONDS)
            return False
        self._due = self._in(FRESH_SECONDS)
        return True

    def _in(self, seconds: float) -> int:
        return self._clock.now() + int(seconds * _MICROS)
