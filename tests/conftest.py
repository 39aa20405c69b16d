"""What every test has: hypothesis profiles, and a detector of blocking calls in yard and doors."""

from __future__ import annotations

from collections.abc import Iterator

import hypothesis
import pytest
from blockbuster import blockbuster_ctx

hypothesis.settings.register_profile("default", deadline=None, max_examples=60)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=3000)
hypothesis.settings.load_profile("default")


@pytest.fixture(scope="session", autouse=True)
def no_blocking_calls() -> Iterator[None]:
    """Raise BlockingError where yard or doors block the event loop: files, sockets, sleep, SQLite."""
    with blockbuster_ctx(["kernelyard.yard", "kernelyard.doors"]):
        yield
