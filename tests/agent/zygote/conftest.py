"""A spawner for zygotes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.forked_kernels import Nest


@pytest.fixture
async def nest(tmp_path: Path) -> AsyncIterator[Nest]:
    one = Nest(tmp_path)
    await one.spawner.open()
    yield one
    await one.close()
