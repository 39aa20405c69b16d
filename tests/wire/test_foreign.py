"""Connection files of kernels that somebody else has started are checked before anybody uses them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.wire.foreign import LARGEST_FILE, foreign_connection, identity_of

from tests.support.foreign_files import SECRET, connection_file


def text(**changes: str | int) -> str:
    return json.dumps(connection_file(**changes))


def test_a_connection_file_is_taken_as_jupyter_writes_it() -> None:
    found = foreign_connection(text(shell_port="50001", resource="else", kernel_name="Ä"))
    assert (found.shell_port, found.key, found.kernel_name) == (50_001, SECRET, "Ä")
    assert foreign_connection(text(transport="ipc", ip="/run/user/1/k", shell_port=1)).ip == (
        "/run/user/1/k"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"transport": "udp"}, "transport"),
        ({"shell_port": 0}, "port 0"),
        ({"hb_port": 65_536}, "port 65536"),
        ({"hb_port": 50_001}, "same"),
        ({"ip": "*"}, "address"),
        ({"ip": ""}, "address"),
        ({"ip": "127.0.0.1/../x"}, "address"),
        ({"transport": "ipc", "ip": "kernel-ipc"}, "absolute"),
        ({"transport": "ipc", "ip": "/" + "x" * 110}, "107"),
        ({"transport": "ipc", "ip": "/x", "shell_port": -1}, "port -1"),
        ({"signature_scheme": "rot13"}, "rot13"),
        ({"key": "k" * 2000}, "key"),
    ],
)
def test_what_cannot_be_right_is_refused_with_a_reason(
    changes: dict[str, str | int], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        foreign_connection(text(**changes))


def test_missing_ports_and_broken_json_are_named() -> None:
    content = connection_file()
    del content["hb_port"]
    with pytest.raises(ValueError, match="hb_port"):
        foreign_connection(json.dumps(content))
    for broken in ("", "{", text()[:-40], "[]", b"\xff\xfe", "x" * (LARGEST_FILE + 1)):
        with pytest.raises(ValueError, match="connection file"):
            foreign_connection(broken)


@given(
    st.dictionaries(
        st.sampled_from(["shell_port", "ip", "transport", "key", "signature_scheme", "hb_port"]),
        st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.lists(st.none()),
    )
)
def test_no_refusal_tells_the_key(changes: dict[str, object]) -> None:
    said = ""
    try:
        foreign_connection(json.dumps({**connection_file(), **changes}))
    except ValueError as error:
        said = str(error)
    assert SECRET not in said


def test_an_identity_is_that_of_key_and_place_and_tells_neither() -> None:
    one = foreign_connection(text())
    same = foreign_connection(text(ip="localhost", kernel_name="other"))
    assert identity_of(one) == identity_of(same)
    assert identity_of(one) != identity_of(foreign_connection(text(shell_port=50_009)))
    assert identity_of(one) != identity_of(foreign_connection(text(key="another")))
    assert SECRET not in identity_of(one)
