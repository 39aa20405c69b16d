"""What every kernel of an agent shares."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import zmq

from kernelyard.agent.belongings import ProcessTable
from kernelyard.agent.limits import Limits
from kernelyard.agent.logs import Log
from kernelyard.agent.rendezvous.ways import Ways
from kernelyard.agent.spawner.spawner import Spawner
from kernelyard.agent.standstill import Standstill
from kernelyard.agent.zygote.keeper import Keeper
from kernelyard.providers.catalogue import Catalogue
from kernelyard.providers.quirk_book import QuirkBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every kernel of an agent shares."""

    data_dir: Path
    catalogue: Catalogue
    quirks: QuirkBook
    ways: Ways
    context: zmq.Context[zmq.Socket[bytes]]
    limits: Limits
    table: ProcessTable
    spawner: Spawner
    keeper: Keeper
    standstill: Standstill
    log: Log
