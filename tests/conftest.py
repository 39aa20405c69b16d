"""What every test has: hypothesis profiles, a detector of blocking calls in yard and doors, and an account
of tests that needed a second try.
"""

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


MOST_SECOND_TRIES = 4


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell each failure after which a test was run once more, whatever came of it."""
    retried = _second_tries(terminalreporter)
    for report in retried:
        terminalreporter.section(f"second try of {report.nodeid}")
        terminalreporter.write_line(report.longreprtext)
    if len(retried) > MOST_SECOND_TRIES:
        terminalreporter.write_line(
            f"{len(retried)} tests needed a second try, more than {MOST_SECOND_TRIES}: this run has failed."
        )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in which second tries are no exception."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None and len(_second_tries(terminal)) > MOST_SECOND_TRIES:
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def _second_tries(terminal: pytest.TerminalReporter) -> list[pytest.TestReport]:
    return list(terminal.stats.get("rerun", ()))
