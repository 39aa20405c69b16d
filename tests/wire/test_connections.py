"""Connection files of others are read with patience, and what cannot be one is refused with a reason."""

from __future__ import annotations

import json

import pytest

from kernelyard.wire.connections import PORTS, Connection, parse_connection

PORTS_OF = dict(zip(PORTS, (50001, 50002, 50003, 50004, 50005), strict=True))


def a_file(**other: object) -> bytes:
    return json.dumps({**PORTS_OF, "key": "secret", **other}).encode()


def test_ports_may_be_numbers_or_their_texts_and_other_keys_are_passed_over() -> None:
    texts = {name: str(port) for name, port in PORTS_OF.items()}
    assert parse_connection(a_file(**texts, jupyter_session="x")) == parse_connection(a_file())


def test_what_is_not_said_is_as_in_jupyter() -> None:
    found = parse_connection(a_file())
    assert (found.transport, found.ip) == ("tcp", "127.0.0.1")
    assert found.signature_scheme == "hmac-sha256"
    assert found.url(found.shell_port) == "tcp://127.0.0.1:50001"


def test_addresses_of_sockets_are_those_of_the_transport() -> None:
    assert Connection(**PORTS_OF, key="", ip="::1").url(1) == "tcp://[::1]:1"
    ipc = parse_connection(a_file(transport="ipc", ip="/tmp/k", shell_port=1))
    assert ipc.url(ipc.shell_port) == "ipc:///tmp/k-1"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "not the content of a connection file"),
        (b'{"shell_port": 1', "not the content of a connection file"),
        (b"[]", "not the content of a connection file"),
        (a_file(shell_port="many"), "shell_port"),
        (a_file(transport="inproc"), "transport"),
        (json.dumps(PORTS_OF).encode(), "key"),
    ],
)
def test_what_is_no_connection_file_is_refused_with_what_is_wrong(
    content: bytes, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        parse_connection(content)
