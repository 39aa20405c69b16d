"""Who may run code on a kernel learns how plain Jupyter clients join it, and nobody else."""

from __future__ import annotations

import pytest

from kernelyard.model.errors import (
    AgentUnavailable,
    KernelEnded,
    KernelNotFound,
    KernelNotRunning,
)

from tests.support.scripted_agent import CONNECTION
from tests.support.yard_house import ADMIN, ANN, BEN, YardHouse


async def test_the_owner_and_administrators_open_a_bridge(house: YardHouse) -> None:
    kernel = await house.kernel()
    await house.yard.kernels.wait(ANN, kernel.id, until="ready", timeout=10)
    for who in (ANN, ADMIN):
        assert await house.yard.bridges.open(who, kernel.id) == CONNECTION
    await house.yard.bridges.close(ANN, kernel.id)
    assert house.agent.bridged == set()
    await house.yard.bridges.close(ANN, kernel.id)


async def test_others_do_not_even_learn_that_there_is_a_kernel(house: YardHouse) -> None:
    kernel = await house.kernel()
    with pytest.raises(KernelNotFound):
        await house.yard.bridges.open(BEN, kernel.id)
    with pytest.raises(KernelNotFound):
        await house.yard.bridges.close(BEN, kernel.id)


async def test_nobody_joins_a_kernel_that_has_ended(house: YardHouse) -> None:
    kernel = await house.kernel()
    await house.yard.kernels.terminate(ANN, kernel.id)
    await house.yard.kernels.wait(ANN, kernel.id, until="ended", timeout=10)
    with pytest.raises(KernelEnded):
        await house.yard.bridges.open(ANN, kernel.id)
    await house.yard.bridges.close(ANN, kernel.id)


async def test_a_kernel_that_the_agent_does_not_know_yet_is_not_running(house: YardHouse) -> None:
    kernel = await house.kernel()
    await house.yard.kernels.wait(ANN, kernel.id, until="ready", timeout=10)
    here = house.agent.kernels.pop(kernel.id)
    with pytest.raises(KernelNotRunning):
        await house.yard.bridges.open(ANN, kernel.id)
    await house.yard.bridges.close(ANN, kernel.id)
    house.agent.kernels[kernel.id] = here


async def test_without_an_agent_nobody_joins(house: YardHouse) -> None:
    kernel = await house.kernel()
    await house.yard.kernels.wait(ANN, kernel.id, until="ready", timeout=10)
    house.agent.absent = True
    with pytest.raises(AgentUnavailable):
        await house.yard.bridges.open(ANN, kernel.id)
    with pytest.raises(AgentUnavailable):
        await house.yard.bridges.close(ANN, kernel.id)
    house.agent.absent = False
