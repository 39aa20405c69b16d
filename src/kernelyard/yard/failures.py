"""Wrong tokens: whoever sends many is answered slowly, and then not at all for a while.

What counts is the address. Nobody waits for failures of others at another one. At a refused address
tokens that nobody can guess are looked at all the same: what is refused are wrong ones, and the server's
own token, which an administrator may have made a short one, where it has not come in before.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from dataclasses import dataclass

from kernelyard.model.errors import TooManyFailures
from kernelyard.model.quantities import Micros
from kernelyard.ports.clock import Clock
from kernelyard.yard.log import event

FREE = 10
"""Failures that are answered at once: people mistype, and programs are configured wrong."""
MOST = 30
"""Failures after which an address is refused."""
FORGOTTEN_SECONDS = 6.0
"""After which one failure less counts."""
FIRST_DELAY_SECONDS = 0.05
LONGEST_DELAY_SECONDS = 1.0
MOST_ADDRESSES = 10_000
MOST_FAMILIAR = 10_000
_MICROS = 1_000_000


@dataclass(slots=True)
class _Count:
    """How many failures count, as of a time."""

    failures: float
    at: Micros


class Failures:
    """Failures of each address, the latest ones. Bounded: what is forgotten counts as none."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._counts: OrderedDict[str, _Count] = OrderedDict()
        self._familiar: OrderedDict[tuple[str, str], None] = OrderedDict()

    def refusal(self, address: str, digest: str) -> TooManyFailures | None:
        """Return what guesses from ``address`` are answered now; None if they are looked at.

        ``digest`` is the token's: one that was good there before is no guess.
        """
        if address not in self._counts or (address, digest) in self._familiar:
            return None
        excess = self._now(address) - MOST
        return (
            TooManyFailures(retry_after=(excess + 1) * FORGOTTEN_SECONDS) if excess >= 0 else None
        )

    async def failed(self, address: str, digest: str) -> None:
        """Note a wrong token, and return after the delay that it costs."""
        self._familiar.pop((address, digest), None)
        failures = self._now(address) + 1
        self._counts[address] = _Count(failures, self._clock.now())
        self._counts.move_to_end(address)
        if len(self._counts) > MOST_ADDRESSES:
            self._counts.popitem(last=False)
        event("access.refused", level=logging.WARNING, address=address, failures=round(failures, 1))
        if failures > FREE:
            delay = FIRST_DELAY_SECONDS * 2 ** min(failures - FREE - 1, 10)
            await self._clock.sleep(min(delay, LONGEST_DELAY_SECONDS))

    def succeeded(self, address: str, digest: str) -> None:
        """Note that a token that could be guessed was good at ``address``."""
        self._familiar[address, digest] = None
        self._familiar.move_to_end((address, digest))
        if len(self._familiar) > MOST_FAMILIAR:
            self._familiar.popitem(last=False)

    def _now(self, address: str) -> float:
        count = self._counts.get(address)
        if count is None:
            return 0.0
        passed = (self._clock.now() - count.at) / _MICROS
        return max(0.0, count.failures - passed / FORGOTTEN_SECONDS)
