"""A real server, and clients that have logged in to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kernelyard.compat import h2o_notebook

from tests.support.live_server import LiveServer


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    """A server that the tests of a module share."""
    with LiveServer(tmp_path_factory.mktemp("compat") / "data") as server:
        yield server


@pytest.fixture(scope="module")
def clients(live: LiveServer) -> Iterator[h2o_notebook.Clients]:
    """The administrator's clients."""
    with h2o_notebook.login(live.url, platform_token=live.token) as clients:
        yield clients
