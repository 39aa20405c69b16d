"""The local engine with a detour: servers reach their agent through a socket that the suite can cut."""

from __future__ import annotations

import os
from pathlib import Path

from kernelyard.engines.local.engine import LocalEngine
from kernelyard.ports.engine import AgentAddress

DETOUR = "TORTURE_DETOUR"
NAME = "cuttable"


class CuttableEngine(LocalEngine):
    """Finds and starts agents as the local engine does, and gives the detour as their address."""

    async def observe(self) -> list[AgentAddress]:
        """Return the address of the detour if the agent itself answers."""
        found = await super().observe()
        return [AgentAddress(one.kind, os.environ[DETOUR]) for one in found]


def install(folder: Path) -> None:
    """Write what makes an engine known to servers that have ``folder`` in their path."""
    place = folder / "torture_engine-1.dist-info"
    place.mkdir(parents=True)
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: torture-engine\nVersion: 1\n")
    points = f"[kernelyard.engines]\n{NAME} = {__name__}:{CuttableEngine.__name__}\n"
    (place / "entry_points.txt").write_text(points)
