"""The machine's clock."""

from __future__ import annotations

import asyncio
import time

from kernelyard.model.quantities import Micros


class SystemClock:
    """Real time; see ``ports.clock.Clock``."""

    def now(self) -> Micros:
        """Wall time, microseconds since 1970-01-01 UTC."""
        return time.time_ns() // 1000

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)
