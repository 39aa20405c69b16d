"""Before starts are timed: templates, and what our agent keeps to fork kernels from.

A server that has been up for a while has it all; a benchmark that begins at once must wait for it.
"""

from __future__ import annotations

import asyncio
from time import perf_counter

from kernelyard import KernelyardError

from benchmarks.roads import has_field, http_of
from benchmarks.running import KERNEL
from benchmarks.scene import Scene

PRELOADED = "with-imports"
MODULES = ["numpy", "pandas", "matplotlib.pyplot"]
IMPORTS = """
import numpy as np, pandas as pd, matplotlib.pyplot as plt
frame = pd.DataFrame({"a": np.arange(12), "b": np.linspace(0, 1, 12)})
figure, axes = plt.subplots()
axes.plot(frame["a"], frame["b"])
plt.close(figure)
assert frame.groupby(frame["a"] % 3)["b"].mean().size == 3
"""
PATIENCE = 30.0
"""For something to be forked from."""
LOOK = 0.2


async def preloading(scene: Scene) -> list[str]:
    """Make the template whose kernels have the imports; return what is to be said about it."""
    try:
        await scene.yard.templates.get(PRELOADED)
    except KernelyardError:
        pass
    else:
        return []
    async with http_of(scene) as http:
        preload = {"preload": MODULES} if await has_field(http, "preload") else {}
        answer = await http.post("/v1/templates", json={"name": PRELOADED, **preload})
        answer.raise_for_status()
    return (
        [] if preload else ["templates know no 'preload' yet: our kernels import as the others do"]
    )


async def warmed(scene: Scene, template: str, code: str = "1") -> list[str]:
    """Run kernels until one of them was forked; return why none is, if so."""
    until = perf_counter() + scene.pick(quick=10, full=int(PATIENCE))
    while perf_counter() < until:
        async with await scene.yard.kernels.create(image=KERNEL, template=template) as kernel:
            told = (await kernel.run(f"{code}\n{WAS_FORKED}")).raise_for_error()
        if told.results[-1].text == "True":
            return []
        await asyncio.sleep(LOOK)
    image = await scene.yard.images.get(KERNEL)
    reason = getattr(image, "start_reason", "") or "no reason is given"
    return [f"kernels of the template {template!r} are not forked: {reason}"]


WAS_FORKED = "import gc; gc.get_freeze_count() > 0"
"""Only what waits to be forked puts its objects out of the collector's sight."""
