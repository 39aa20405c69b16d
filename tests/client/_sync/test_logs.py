# Generated from tests/client/_async/test_logs.py by tools/generate_sync.py: do not edit.
# ruff: noqa: RUF100, SIM117, UP028
"""A kernel's log, read through its handle."""

from __future__ import annotations

import pytest

from kernelyard.client import Client, InvalidRequestError, KernelLog

from tests.support.flaky_server import Reply, Request, flaky_server
from tests.support.yard_answers import KERNEL_ID, a_kernel, refuse, say


def a_log(request: Request) -> Reply:
    if not request.path.endswith("/logs"):
        return say(a_kernel())
    if request.query.get("after") == ["99"]:
        return refuse(400, "invalid", "'after' is 99, and this kernel's log has 6 bytes so far.")
    return say({"text": "oh no\n", "begin": 0, "end": 6, "size": 9, "kept_from": 0})


def test_the_log_is_asked_for_by_bytes() -> None:
    with flaky_server(a_log) as server:
        with Client(server.url, "secret") as yard:
            kernel = yard.kernels.get(KERNEL_ID)
            log = kernel.logs()
            assert log == KernelLog(text="oh no\n", begin=0, end=6, size=9)
            assert log.more
            kernel.logs(after=log.end, limit=100)
            with pytest.raises(InvalidRequestError, match="6 bytes"):
                kernel.logs(after=99)
        queries = [one.query for one in server.requests if one.path.endswith("/logs")]
    assert queries == [
        {"limit": ["65536"]},
        {"limit": ["100"], "after": ["6"]},
        {"limit": ["65536"], "after": ["99"]},
    ]
