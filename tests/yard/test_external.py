"""Kernels with files in the watched directory come and go with these, whoever watches."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kernelyard.model.kernels import Kernel
from kernelyard.stores.memory.store import MemoryStore
from kernelyard.wire.foreign import DepositFile, ExternalKernel, ExternalList, RefusedFile
from kernelyard.yard.external import FILE_LABEL
from kernelyard.yard.limits import Limits

from tests.support.scripted_agent import ScriptedAgent
from tests.support.yard_house import ADMIN, YardHouse, a_yard, eventually

WATCHED = Limits(external_dir=Path("/run/kernels"))
ONE = ExternalKernel("kernel-1.json", "1" * 64, "python3")
TWO = ExternalKernel("kernel-2.json", "2" * 64, "bash")


def found(*kernels: ExternalKernel) -> ExternalList:
    return ExternalList(kernels=list(kernels), present=[one.file for one in kernels])


@pytest.fixture
async def agent() -> AsyncIterator[ScriptedAgent]:
    agent = ScriptedAgent()
    yield agent
    await agent.aclose()


async def kernels(house: YardHouse) -> list[Kernel]:
    live, _ = await house.yard.kernels.list(ADMIN)
    return [kernel for kernel in live if kernel.takes_tasks]


async def has(house: YardHouse, count: int) -> None:
    async def counted() -> bool:
        return len(await kernels(house)) == count

    await eventually(counted)


async def test_what_lies_there_is_attached_without_its_secret_leaving_the_agent(
    agent: ScriptedAgent,
) -> None:
    agent.external = found(ONE, TWO)
    async with a_yard(agent=agent, limits=WATCHED) as house:
        await has(house, 2)
        bash, python = await kernels(house)
        assert (python.owner, python.owned, bash.owned) == ("admin", False, False)
        assert python.labels[FILE_LABEL] == "kernel-1.json"
        assert bash.image.reference == "foreign/bash"
        assert agent.deposits[python.id] == DepositFile(
            python.id, "/run/kernels", ONE.file, ONE.identity
        )


async def test_nothing_is_attached_twice_by_other_servers_or_later_ones(
    agent: ScriptedAgent,
) -> None:
    agent.external = found(ONE)
    store = MemoryStore()
    async with a_yard(agent=agent, store=store, limits=WATCHED) as house:
        await has(house, 1)
        before = await kernels(house)
    agent.external = found(ONE, TWO)
    async with (
        a_yard(agent=agent, store=store, limits=WATCHED) as house,
        a_yard(agent=agent, store=store, limits=WATCHED) as fellow,
    ):
        await has(house, 2)
        assert [kernel.id for kernel in await kernels(fellow)][1:] == [one.id for one in before]


async def test_a_kernel_whose_file_has_gone_is_let_go_of(agent: ScriptedAgent) -> None:
    agent.external = found(ONE)
    store = MemoryStore()
    async with a_yard(agent=agent, store=store, limits=WATCHED) as house:
        await has(house, 1)
        (kernel,) = await kernels(house)
    agent.external = ExternalList(problem="it cannot be read")
    async with a_yard(agent=agent, store=store, limits=WATCHED) as house:
        assert [one.id for one in await kernels(house)] == [kernel.id]
    agent.external = ExternalList(refused=[RefusedFile(ONE.file, "half")], present=[ONE.file])
    async with a_yard(agent=agent, store=store, limits=WATCHED) as house:
        assert [one.id for one in await kernels(house)] == [kernel.id]
        agent.external = found()
    async with a_yard(agent=agent, store=store, limits=WATCHED) as house:
        await has(house, 0)
        ended = await house.yard.kernels.wait(ADMIN, kernel.id, until="ended", timeout=10)
        assert ended.reason == "its connection file kernel-1.json has disappeared"


async def test_what_cannot_be_attached_keeps_nothing_else_from_being(
    agent: ScriptedAgent,
) -> None:
    agent.external = found(ONE, TWO)
    limits = Limits(external_dir=WATCHED.external_dir, max_kernels=1)
    async with a_yard(agent=agent, limits=limits) as house:
        await has(house, 1)
        assert [one.image.reference for one in await kernels(house)] == ["foreign/python3"]
