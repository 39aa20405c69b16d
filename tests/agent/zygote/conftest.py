"""A spawner for zygotes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.forked_kernels import Nest


@pytest.fixture
async def nest(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Nest]:
    """Parametrized with ``True``, its kernels are forked before they are asked for."""
    one = Nest(tmp_path, ahead=getattr(request, "param", False))
    await one.spawner.open()
    yield one
    await one.close()
