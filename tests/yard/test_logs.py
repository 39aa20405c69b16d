"""A kernel's log is read by those who may see the kernel, in pieces that fit together."""

from __future__ import annotations

import pytest

from kernelyard.model.errors import AgentUnavailable, Invalid, KernelNotFound
from kernelyard.yard.logs import LARGEST_PART

from tests.support.scripted_agent import LOG
from tests.support.yard_house import ADMIN, ANN, BEN, YardHouse


async def test_the_end_of_a_log_is_read_without_a_place(house: YardHouse) -> None:
    kernel = await house.kernel()
    await house.yard.kernels.wait(ANN, kernel.id, until="ready", timeout=10)
    whole = await house.yard.logs.read(ANN, kernel.id, None, None)
    assert whole.text.encode() == LOG
    assert (whole.begin, whole.end, whole.size, whole.kept_from) == (0, len(LOG), len(LOG), 0)
    end = await house.yard.logs.read(ANN, kernel.id, None, 6)
    assert end.text == "below\n"
    assert end.begin == len(LOG) - 6
    assert await house.yard.logs.read(ADMIN, kernel.id, None, None) == whole


async def test_pieces_fit_together(house: YardHouse) -> None:
    kernel = await house.kernel()
    await house.yard.kernels.wait(ANN, kernel.id, until="ready", timeout=10)
    at, text = 0, ""
    while True:
        part = await house.yard.logs.read(ANN, kernel.id, at, 7)
        assert part.begin == at
        text, at = text + part.text, part.end
        if part.end == part.size:
            break
    assert text.encode() == LOG


async def test_only_those_who_see_the_kernel_see_its_log(house: YardHouse) -> None:
    kernel = await house.kernel()
    with pytest.raises(KernelNotFound):
        await house.yard.logs.read(BEN, kernel.id, None, None)


async def test_a_kernel_whose_files_are_gone_has_an_empty_log(house: YardHouse) -> None:
    kernel = await house.kernel()
    await house.yard.kernels.terminate(ANN, kernel.id)
    await house.yard.kernels.wait(ANN, kernel.id, until="ended", timeout=10)
    house.agent.kernels.pop(kernel.id, None)
    part = await house.yard.logs.read(ANN, kernel.id, 5, None)
    assert (part.text, part.begin, part.end, part.size) == ("", 0, 0, 0)


@pytest.mark.parametrize("limit", [0, 3, -1, LARGEST_PART + 1])
async def test_a_limit_out_of_range_is_refused(house: YardHouse, limit: int) -> None:
    kernel = await house.kernel()
    with pytest.raises(Invalid) as refused:
        await house.yard.logs.read(ANN, kernel.id, None, limit)
    assert refused.value.field == "limit"


async def test_without_the_agent_it_is_not_available(house: YardHouse) -> None:
    kernel = await house.kernel()
    house.agent.absent = True
    with pytest.raises(AgentUnavailable):
        await house.yard.logs.read(ANN, kernel.id, None, None)
    house.agent.absent = False
