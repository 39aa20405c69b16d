# Generated from tests/client/_async/test_connections.py by tools/generate_sync.py: do not edit.
# ruff: noqa: RUF100, SIM117, UP028
"""How to join a kernel, asked by its handle."""

from __future__ import annotations

from kernelyard.client import Client

from tests.support.flaky_server import Reply, Request, flaky_server
from tests.support.yard_answers import KERNEL_ID, a_kernel, say

INFO = {"transport": "tcp", "ip": "127.0.0.1", "shell_port": 5, "key": "k", "kernel_id": KERNEL_ID}


def answer(request: Request) -> Reply:
    if request.path.endswith("/connection"):
        return Reply(status=204) if request.method == "DELETE" else say(INFO)
    return say(a_kernel())


def test_the_content_of_a_connection_file_is_returned() -> None:
    with flaky_server(answer) as server:
        with Client(server.url, "secret") as yard:
            assert yard.is_local
            kernel = yard.kernels.get(KERNEL_ID)
            assert kernel.connection_info() == INFO
            kernel.close_connection()
        asked = [one.method for one in server.requests if one.path.endswith("/connection")]
    assert asked == ["POST", "DELETE"]


def test_a_server_elsewhere_is_known_as_such() -> None:
    with Client("https://yard.example", "secret") as yard:
        assert not yard.is_local
