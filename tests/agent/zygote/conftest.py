"""A spawner for zygotes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.forked_kernels import ForkedKernel, Nest


@pytest.fixture
async def nest(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Nest]:
    """Parametrized with ``True``, its kernels are forked before they are asked for."""
    one = Nest(tmp_path, ahead=getattr(request, "param", False))
    await one.spawner.open()
    yield one
    await one.close()


@pytest.fixture(params=["run", "forked", "forked ahead"])
async def any_kernel(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[ForkedKernel]:
    """A kernel, started in each of the ways: what is true of one is true of all."""
    way = str(request.param)
    one = Nest(tmp_path, ahead=way == "forked ahead")
    await one.spawner.open()
    try:
        if way != "run":
            ready = await one.zygote()
            assert ready.state == "ready", ready.reason
        yield await one.kernel(1, fork=way != "run")
    finally:
        await one.close()
