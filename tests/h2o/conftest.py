"""A running server and the published client that speaks with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.live_server import LiveServer
from tests.support.published_h2o import PublishedClient, published
from tools.h2o_for_tests import NEW, OLD

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.journey)
            if item.get_closest_marker("timeout") is None:
                # The first test may have to install the client, and that looks every 5 seconds.
                item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(scope="package")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that all tests of the published client share; they do not harm it."""
    with LiveServer(tmp_path_factory.mktemp("h2o") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def tidied(live: LiveServer) -> Iterator[LiveServer]:
    """The same for a module that makes templates; others find none of them."""
    yield live
    with live.client() as yard:
        for template in list(yard.templates.list()):
            if template.name != "default":
                yard.templates.delete(template.name)


@pytest.fixture
def h2o(live: LiveServer, tmp_path: Path) -> PublishedClient:
    """Release 0.6.5 with the administrator's token."""
    return published(NEW, tmp_path, url=live.url, token=live.token)


@pytest.fixture
def old_h2o(live: LiveServer, tmp_path: Path) -> PublishedClient:
    """Release 0.4.1 with the administrator's token."""
    return published(OLD, tmp_path, url=live.url, token=live.token)
