"""Real servers for journeys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kernelyard import Client

from tests.support.live_server import LiveServer


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.journey)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that the tests of a module share; they do not harm it."""
    with LiveServer(tmp_path_factory.mktemp("live") / "data") as server:
        yield server


@pytest.fixture
def yard(live: LiveServer) -> Iterator[Client]:
    """A client of the shared server."""
    with live.client() as client:
        yield client


@pytest.fixture
def own(tmp_path: Path) -> Iterator[LiveServer]:
    """A server of the test's own, to be killed."""
    with LiveServer(tmp_path / "data") as server:
        yield server
