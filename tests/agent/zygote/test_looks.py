"""A forked kernel looks like one that was run, from inside and from outside."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.support import looks as probe
from tests.support.forked_kernels import ForkedKernel, Nest
from tests.support.looks import same

SOURCE = Path(probe.__file__).read_text().replace("from __future__ import annotations\n", "")


async def _looks(kernel: ForkedKernel, *preload: str) -> dict[str, Any]:
    for module in preload:
        await kernel.run(f"import {module}")
    said = await kernel.run(SOURCE)
    assert said.content["status"] == "ok", said
    number = kernel.place.name.removeprefix("kernel-")
    told = json.dumps(await kernel.value("looks()"))
    ids = {"PLACE": kernel.place, "ID": f"{int(number):036}", "PID": kernel.pid}
    found: dict[str, Any] = json.loads(same(told, **ids))
    return found


@pytest.mark.parametrize(
    ("nest", "preload", "unbuffered"),
    [
        (False, ("numpy", "pandas", "matplotlib.pyplot"), ""),
        (True, (), "1"),
    ],
    indirect=["nest"],
    ids=["forked", "forked ahead"],
)
async def test_everything_is_as_in_a_kernel_that_was_run(
    nest: Nest, preload: tuple[str, ...], unbuffered: str
) -> None:
    common = {**os.environ, "TERM": "dumb", "PYTHONUNBUFFERED": unbuffered}
    ready = await nest.zygote(*preload, env={**common, "LEFT": "out"})
    assert ready.state == "ready", ready.reason
    given = {**common, "GIVEN": "ä" * 100}
    forked = await _looks(await nest.kernel(1, env=given), *preload)
    run = await _looks(await nest.kernel(2, fork=False, env=given), *preload)
    assert forked.keys() == run.keys()
    differ = {name: (forked[name], run[name]) for name in run if forked[name] != run[name]}
    assert not differ
    assert "LEFT" not in forked["environment"]
    assert not forked["of_kernelyard"]


async def test_what_differs_is_what_no_fork_can_change(nest: Nest) -> None:
    await nest.zygote()
    kernels = [await nest.kernel(number, fork=number < 2) for number in range(3)]
    seen = [
        await one.value("[hash('text'), __import__('gc').get_freeze_count() > 0]")
        for one in kernels
    ]
    # The decision about zygotes says so.
    assert seen[0] == seen[1]
    assert seen[0][0] != seen[2][0]
    assert seen[2][1] is False
