"""Numbers for those who watch a server: everybody who has some is asked when somebody looks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from kernelyard.yard.log import failure

COLLECT_SECONDS = 5.0
"""Who has not told his numbers after so long is left out this time."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One number, or one for each combination of labels."""

    name: str
    """Such as ``kernelyard_pool_kernels``; one that only grows ends with ``_total``."""
    help: str
    kind: Literal["gauge", "counter"]
    values: Mapping[tuple[str, ...], float]
    """The numbers by what their labels say."""
    labels: tuple[str, ...] = ()


Collector = Callable[[], Awaitable[list[Metric]]]


def gauge(name: str, text: str, value: float) -> Metric:
    """A number that goes up and down."""
    return Metric(name, text, "gauge", {(): value})


def total(name: str, text: str, value: float) -> Metric:
    """A number that only grows, until whoever counts is started again."""
    return Metric(name, text, "counter", {(): value})


class Metrics:
    """Knows whom to ask. One that fails or hangs takes nothing from the others."""

    def __init__(self) -> None:
        self._collectors: dict[str, Collector] = {}

    def add(self, name: str, collect: Collector) -> None:
        """Have ``collect`` asked whenever somebody looks; ``name`` tells it from the others."""
        self._collectors[name] = collect

    async def collect(self) -> list[Metric]:
        """Ask all at once; the last metric says who has told his numbers."""
        told = await asyncio.gather(*map(_asked, self._collectors.items()))
        answered: dict[tuple[str, ...], float] = {
            (name,): float(metrics is not None)
            for name, metrics in zip(self._collectors, told, strict=True)
        }
        found = [metric for metrics in told for metric in metrics or ()]
        text = "Whether these numbers could be had."
        return [*found, Metric("kernelyard_collected", text, "gauge", answered, ("part",))]


async def _asked(one: tuple[str, Collector]) -> list[Metric] | None:
    name, collect = one
    try:
        async with asyncio.timeout(COLLECT_SECONDS):
            return await collect()
    except Exception as error:  # noqa: BLE001 - whatever it is, the others are told
        failure("metrics.not_collected", error, part=name)
        return None
