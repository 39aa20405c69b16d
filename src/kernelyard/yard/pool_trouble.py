"""What goes wrong with the kernels of a pool, and how long nothing is tried then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from kernelyard.model.kernel_phases import Phase
from kernelyard.model.kernels import Kernel
from kernelyard.model.pools import pause_after
from kernelyard.model.projection import GENTLE_ENDS
from kernelyard.model.quantities import Micros
from kernelyard.yard.log import event

STEADY: Micros = 10 * 1_000_000
"""A kernel that has been ready for so long, and for as long as the last pause, is a good sign."""


@dataclass(slots=True)
class PoolTrouble:
    """What went wrong with a pool, as far as this server has seen."""

    of: tuple[str, Micros] = ("", 0)
    """What its kernels were made of, and when it was set: what went wrong with others says nothing."""
    failures: int = 0
    at: Micros = 0
    until: Micros = 0
    """Nothing is started before that."""
    reason: str | None = None

    def note_end(self, kernel: Kernel, now: Micros) -> None:
        """A kernel that was made ready has ended."""
        if kernel.cause not in GENTLE_ENDS:
            self._note(kernel, now, kernel.reason or "it ended")

    def note_restart(self, kernel: Kernel, now: Micros) -> None:
        """A kernel that had been ready had to be started again."""
        self._note(kernel, now, kernel.reason or "its process ended when it had been ready")

    def note_ready(self, live: Sequence[Kernel], now: Micros) -> None:
        """These live: if one of them keeps being ready, all is well."""
        steady = max(STEADY, pause_after(self.failures))
        since = [one.ready_at or 0 for one in live if one.phase is Phase.READY]
        if any(self.at < ready_at <= now - steady for ready_at in since):
            self.failures, self.reason = 0, None

    def _note(self, kernel: Kernel, now: Micros, why: str) -> None:
        event("pool.kernel_ended", kernel_id=kernel.id, reason=why)
        if now < self.until:
            # What ends together counts once.
            return
        self.failures += 1
        pause = pause_after(self.failures)
        self.at, self.until = now, now + pause
        self.reason = (
            f"A kernel that was to be kept ready has ended: {why.rstrip('.')}. Others are tried at "
            f"growing intervals, now {pause // 1_000_000} s; create a kernel of this image to see more."
        )
