"""Whether whoever was let in for long would be let in still."""

from __future__ import annotations

from typing import Protocol

from kernelyard.model.errors import Unauthenticated, Unavailable
from kernelyard.model.principals import Principal
from kernelyard.ports.clock import Clock

AGAIN_SECONDS = 30.0
"""Between two looks while nothing is said."""
FRESH_SECONDS = 5.0
"""How old a look may be when something is asked for."""
AWAY_SECONDS = 1.0
"""Between two looks while the store cannot be asked."""
_MICROS = 1_000_000
_CHANGED = "What you may do has changed. Connect again; then what you may now holds."


class Doorkeeper(Protocol):
    """Whoever knows tokens."""

    async def authenticate(self, token: str | None) -> Principal:
        """Raises Unauthenticated, Unavailable."""
        ...


def check_same(was: Principal, now: Principal) -> None:
    """Raise Unauthenticated if whoever was let in may not do the same any more, or is somebody else."""
    if was != now:
        raise Unauthenticated(_CHANGED)


class Welcome:
    """That of one token, as long as it is good for the same.

    A store that is away for a moment takes it from nobody.
    """

    def __init__(self, access: Doorkeeper, clock: Clock, token: str | None, who: Principal) -> None:
        """The token was found good just now, and to be that of ``who``."""
        self._who = who
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
            now = await self._access.authenticate(self._token)
        except Unavailable:
            self._due = self._in(AWAY_SECONDS)
            return False
        check_same(self._who, now)
        self._due = self._in(FRESH_SECONDS)
        return True

    def _in(self, seconds: float) -> int:
        return self._clock.now() + int(seconds * _MICROS)
