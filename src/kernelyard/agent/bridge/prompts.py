"""Prompts of the kernel to clients: one whose client has gone must not hold up everybody for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

PATIENCE_SECONDS = 4.0
"""For a client to come back that is asked for input; a broken connection is made again in a moment."""
GONE = "the bridge, for the client that was asked for input has gone"


class Prompts:
    """Knows who is asked for input."""

    def __init__(
        self,
        is_there: Callable[[bytes], bool],
        give_up: Callable[[], None],
        *,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        """``give_up`` interrupts what waits for the input of a client that does not come back."""
        self._is_there = is_there
        self._give_up = give_up
        self._patience = patience
        self._asked: set[bytes] = set()
        self._timers: dict[bytes, asyncio.TimerHandle] = {}

    def ask(self, client: bytes) -> None:
        """A client is asked for input."""
        self._asked.add(client)
        self._look_later(client)

    def asks(self, client: bytes) -> bool:
        """Whether a client is asked and has not answered."""
        return client in self._asked

    def settle(self, client: bytes) -> None:
        """It has answered."""
        self._asked.discard(client)
        if (timer := self._timers.pop(client, None)) is not None:
            timer.cancel()

    def clear(self) -> None:
        """Nobody is asked any more: the code that asked has ended."""
        for client in list(self._asked):
            self.settle(client)

    def _look_later(self, client: bytes) -> None:
        """See now and then whether the client is there; twice in a row not is not coming back."""
        missing = not self._is_there(client)

        def look() -> None:
            self._timers.pop(client, None)
            if missing and not self._is_there(client):
                self._asked.discard(client)
                self._give_up()
            else:
                self._look_later(client)

        timer = asyncio.get_running_loop().call_later(self._patience / 2, look)
        self._timers[client] = timer
