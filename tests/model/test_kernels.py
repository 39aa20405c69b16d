"""A kernel as it is stored: the state users see, and whether it takes tasks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kernelyard.model.images import ImageSnapshot
from kernelyard.model.kernel_phases import KernelState, Phase, Wanted
from kernelyard.model.kernels import Kernel
from kernelyard.model.templates import TemplateSnapshot, TemplateSpec

KERNEL = Kernel(
    no=1,
    id="5e0a3c2a-6f29-4f5e-9c3f-3f9f0f1f2f3f",
    owner="ada",
    image=ImageSnapshot(
        name="python3", reference="kernelspec/python3", display_name="Python 3", language="python"
    ),
    template=TemplateSnapshot(name="default", spec=TemplateSpec()),
    created_at=1,
)


def test_a_new_kernel_is_starting_and_takes_tasks() -> None:
    assert KERNEL.state is KernelState.STARTING
    assert KERNEL.takes_tasks


def test_a_ready_kernel_is_busy_while_a_task_runs() -> None:
    ready = replace(KERNEL, phase=Phase.READY, ran_attempt=1)
    assert ready.state is KernelState.IDLE
    assert replace(ready, current_seq=3).state is KernelState.BUSY


def test_a_kernel_asked_to_start_once_more_is_restarting_and_takes_tasks() -> None:
    restarting = replace(KERNEL, phase=Phase.READY, ran_attempt=1, attempt=2)
    assert restarting.state is KernelState.RESTARTING
    assert restarting.takes_tasks


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("wanted", Wanted)
def test_a_kernel_takes_tasks_exactly_while_it_is_not_ending(wanted: Wanted, phase: Phase) -> None:
    kernel = replace(KERNEL, wanted=wanted, phase=phase)
    ending = kernel.state in (KernelState.TERMINATING, KernelState.TERMINATED, KernelState.FAILED)
    assert kernel.takes_tasks == (not ending)
