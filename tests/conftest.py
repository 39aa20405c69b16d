"""What every test has: hypothesis profiles, and a detector of blocking calls in yard and doors."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import hypothesis
import pytest
from blockbuster import blockbuster_ctx

hypothesis.settings.register_profile("default", deadline=None, max_examples=60)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=3000)
hypothesis.settings.load_profile("default")


# Hundreds of agents are started, and most end before a process to fork from would be ready. Tests of
# forked kernels ask for it.
os.environ.setdefault("KERNELYARD_ZYGOTES", "0")

# What a shell starts in the background ignores Ctrl-C, and what that starts inherits it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def no_blocking_calls() -> Iterator[None]:
    """Raise BlockingError where yard or doors block the event loop: files, sockets, sleep, SQLite."""
    with blockbuster_ctx(["kernelyard.yard", "kernelyard.doors"]):
        yield
