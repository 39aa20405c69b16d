"""Bells of several servers in one process: what one rings, the others hear, unless the line is cut."""

from __future__ import annotations

from kernelyard.stores.memory.bell import LocalBell


class LinkedBell(LocalBell):
    """One server's bell."""

    def __init__(self, line: list[LinkedBell]) -> None:
        super().__init__()
        self._line = line
        self.cut = False
        line.append(self)

    def ring(self, topic: str) -> None:
        """Ring here, and in the others."""
        super().ring(topic)
        for other in self._line:
            if other is not self and not (self.cut or other.cut):
                LocalBell.ring(other, topic)
