"""Whether the machine was quiet: a loop that should always take the same time, and the load."""

from __future__ import annotations

import os
from dataclasses import dataclass
from statistics import median
from time import perf_counter

LOOPS = 25
STEPS = 200_000
UNEVEN = 1.5
"""Slowest to median loop, above which figures are worth little."""
BUSY = 0.75
"""Load per processor, the same."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """What the loop has taken at one moment."""

    when: str
    loop: float
    """Median, in seconds."""
    fastest: float
    slowest: float
    load: float
    """Runnable processes, averaged over a minute: our own are among them."""

    @property
    def quiet(self) -> bool:
        """Whether nothing else has taken much of the processor meanwhile."""
        return self.slowest <= UNEVEN * self.loop

    def __str__(self) -> str:
        spread = f"{1000 * self.fastest:.1f}–{1000 * self.slowest:.1f}"
        return f"{1000 * self.loop:.1f} ms [{spread}], load {self.load:.2f}"


def calibrate(when: str) -> Calibration:
    """Take the time of the loop, again and again."""
    taken = [_loop() for _ in range(LOOPS)]
    return Calibration(when, median(taken), min(taken), max(taken), os.getloadavg()[0])


def is_busy() -> bool:
    """Whether others work on this machine as we begin."""
    return os.getloadavg()[0] > BUSY * (os.cpu_count() or 1)


def _loop() -> float:
    begun = perf_counter()
    total = 0
    for number in range(STEPS):
        total += number & 7
    assert total
    return perf_counter() - begun
