"""What every measure is given: our server, a client of it, perhaps a peer, and how long to look."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

from kernelyard import AsyncClient

from benchmarks.peer import Gateway
from benchmarks.running import Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Everything that runs while the measures are taken."""

    home: Path
    server: Server
    yard: AsyncClient
    gateway: Gateway | None
    gateway_python: str | None
    quick: bool
    chance: random.Random
    """Decides who is first in a round."""

    def pick(self, *, quick: int, full: int) -> int:
        """How many, in a short run and in a full one."""
        return quick if self.quick else full
