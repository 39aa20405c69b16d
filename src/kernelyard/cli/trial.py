"""A kernel started for a moment, with an agent and a data directory of its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from kernelyard.assembly import Assembly, assemble
from kernelyard.cli.complaints import Complaint
from kernelyard.cli.ending import end_agent_within, end_kernels
from kernelyard.model.images import Image
from kernelyard.model.kernels import KernelOrder
from kernelyard.model.principals import Principal, Role
from kernelyard.model.tasks import TaskOrder, TaskState
from kernelyard.settings import Settings
from kernelyard.wire.link import BrokenProvider, LimitFact

IMAGE = "python3"
PREPARING_SECONDS = 30.0
"""For what kernels are forked from."""
_LOOK_SECONDS = 0.1
_WHO = Principal("doctor", Role.ADMIN)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of it."""

    images: list[Image]
    broken: list[BrokenProvider]
    limits: list[LimitFact]
    answer: str
    """What the kernel answers to ``1+1``."""
    not_forked: str
    """Why a second kernel was not forked; empty if it was."""


async def try_kernel(settings: Settings) -> Trial:
    """Look what there is, and let a kernel answer. Raises YardError, Complaint."""
    try:
        async with assemble(settings) as assembly:
            found = await assembly.yard.images.list(_WHO)
            limits = await assembly.yard.limits_held()
            answer = await _answer(assembly, settings.kernel_start_timeout)
            not_forked = await _why_not_forked(assembly, settings.kernel_start_timeout)
            return Trial(found.images, found.broken, limits, answer, not_forked)
    finally:
        await end_agent_within(settings.data_dir)
        end_kernels(settings.data_dir)


async def _answer(assembly: Assembly, seconds: float) -> str:
    yard = assembly.yard
    kernel, _ = await yard.kernels.create(_WHO, KernelOrder(image=IMAGE))
    submitted, _ = await yard.tasks.submit(_WHO, kernel.id, TaskOrder(code="1+1"))
    task = await yard.tasks.wait(_WHO, submitted.id, seconds + 10)
    if task.state is not TaskState.SUCCEEDED:
        now = await yard.kernels.get(_WHO, kernel.id)
        reason = task.reason or now.reason or f"it is {now.state}"
        raise Complaint(f"a kernel did not answer: {reason}")
    displays = (await yard.outputs.result(_WHO, task.id)).displays
    return str(displays[0].data.get("text/plain")) if displays else "nothing"


async def _why_not_forked(assembly: Assembly, seconds: float) -> str:
    """Start a second kernel as soon as it can be forked; return why it is not."""
    yard = assembly.yard
    until = asyncio.get_running_loop().time() + PREPARING_SECONDS
    while (image := await yard.images.get(_WHO, IMAGE)).start != "fork":
        states = [one.state for one in (await yard.zygotes.told(_WHO)).zygotes]
        prepared = not {"waiting", "booting"}.intersection(states)
        if prepared or asyncio.get_running_loop().time() > until:
            return image.start_reason
        await asyncio.sleep(_LOOK_SECONDS)
    await _answer(assembly, seconds)
    told = await yard.zygotes.told(_WHO)
    return "" if told.forked else "the fork failed, and a new program was started"
