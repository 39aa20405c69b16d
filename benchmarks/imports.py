"""Create to first result where the first code imports numpy, pandas and matplotlib, and uses them.

Ours are made with a template that lists the three under ``preload``; everybody runs the same code.
"""

from __future__ import annotations

from benchmarks.figures import Found, compared
from benchmarks.goals import faster
from benchmarks.judging import OURS, judged
from benchmarks.kernel_start import started
from benchmarks.none_ahead import NONE_AHEAD, none_ahead
from benchmarks.roads import GATEWAY, STRAIGHT, by_sdk, roads
from benchmarks.scene import Scene
from benchmarks.warmth import IMPORTS, PRELOADED, preloading, warmed

MEASURE = "create → first result, numpy, pandas, matplotlib"
GOAL = faster(MEASURE, 20)


async def measure(scene: Scene) -> Found:
    """Return the lines of this measure."""
    found = Found(notes=await preloading(scene))
    found.notes += await warmed(scene, PRELOADED, IMPORTS)
    async with roads(scene) as open_roads, none_ahead(scene) as other:
        await preloading(other)
        found.notes += await warmed(other, PRELOADED, IMPORTS)
        ways = {**open_roads, NONE_AHEAD: by_sdk(other)}
        rounds = scene.pick(quick=1, full=12)
        taken = await started(scene, ways, IMPORTS, rounds, PRELOADED)
    found.figures += compared(MEASURE, taken, GATEWAY if GATEWAY in taken else STRAIGHT)
    found.verdicts += judged(GOAL, taken, GATEWAY, ours=(*OURS, NONE_AHEAD))
    return found
