"""Time as the yard sees it."""

from __future__ import annotations

from typing import Protocol

from kernelyard.model.quantities import Micros


class Clock(Protocol):
    """Tells the time and waits. Tests have one that they move themselves."""

    def now(self) -> Micros:
        """Wall time, microseconds since 1970-01-01 UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...
