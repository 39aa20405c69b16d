"""A bounded memory of facts that never change."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class KernelKey:
    """What never changes about a kernel."""

    no: int
    owner: str


class Remembered(Generic[V]):
    """Keeps the ``most`` facts used last."""

    def __init__(self, most: int = 20_000) -> None:
        self._most = most
        self._facts: OrderedDict[str, V] = OrderedDict()

    def get(self, key: str) -> V | None:
        """Return what is remembered under ``key``."""
        fact = self._facts.get(key)
        if fact is not None:
            self._facts.move_to_end(key)
        return fact

    def put(self, key: str, fact: V) -> None:
        """Remember, and forget what was used longest ago if there is too much."""
        self._facts[key] = fact
        self._facts.move_to_end(key)
        if len(self._facts) > self._most:
            self._facts.popitem(last=False)
