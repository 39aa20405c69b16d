"""How a kernel's process ended, and what an interrupt achieved: said once, the same for everybody."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kernelyard.model.quantities import Micros

LOG_FOLLOWS = "; its log ends with:"
"""What stands in a reason before the lines of a log that it quotes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitResult:
    """How one launched kernel ended; the same however often, and by whom, it is asked for.

    ``code`` and ``signal`` are both None when nobody could know: the process was not ours to wait
    for, or no process of this machine at all.
    """

    code: int | None = None
    signal: str | None = None
    """Name of the signal that ended it, such as ``SIGKILL``."""
    out_of_memory: bool = False
    """Whether the system killed a process of it for want of memory."""
    reason: str | None = None
    """What is known beyond code and signal, for people."""
    tail: str = ""
    """The last lines that its process printed beside the protocol."""
    started_at: Micros | None = None
    ended_at: Micros | None = None

    def sentence(self) -> str:
        """The end in words that follow a colon."""
        if self.signal is not None:
            return f"killed by {self.signal}"
        if self.code is not None:
            return f"exited by itself with code {self.code}"
        return self.reason or "ended; its exit code is not known"


class InterruptOutcome(StrEnum):
    """What an interrupt is known to have achieved, from nothing to all."""

    NOT_DELIVERED = "not_delivered"
    """There was no way to reach the kernel."""
    WOULD_KILL = "would_kill"
    """It was not sent, for it would end this kernel instead of stopping its code."""
    DELIVERED = "delivered"
    """The signal or message was sent; nothing is known beyond that."""
    ACKNOWLEDGED = "acknowledged"
    """The kernel answered that it was interrupted; its code may go on nevertheless."""
    EFFECTIVE = "effective"
    """What ran has stopped."""
    KILLED = "killed"
    """The kernel has ended."""
