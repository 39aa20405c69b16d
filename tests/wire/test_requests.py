"""Requests of plain clients: what is read of them, and that an error stops nobody else's code."""

from __future__ import annotations

import json

import pytest

from kernelyard.wire.multipart import MalformedMessage, Parts
from kernelyard.wire.requests import (
    ClientHeader,
    going_on_after_error,
    is_ipython,
    leaving_the_kernel,
    read_client_header,
    read_execution,
    read_fields,
)


def test_a_header_tells_who_asks_what() -> None:
    header = read_client_header(
        Parts(b'{"msg_id":"1","msg_type":"execute_request","username":"ada","x":1}', b"", b"", b"")
    )
    assert (header.msg_id, header.username, header.subshell_id) == ("1", "ada", None)
    assert header.reply_type == "execute_reply"
    assert ClientHeader(msg_type="comm_msg").reply_type is None


DEEP = b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


@pytest.mark.parametrize("header", [b"", b"[]", b'{"msg_id":1}', b"\xff", DEEP])
def test_a_header_that_cannot_be_read_is_refused(header: bytes) -> None:
    with pytest.raises(MalformedMessage):
        read_client_header(Parts(header, b"", b"", b""))


@pytest.mark.parametrize("given", [{}, {"stop_on_error": True}])
def test_code_is_sent_on_so_that_its_error_stops_nothing_behind_it(given: dict[str, bool]) -> None:
    content, stops = going_on_after_error(json.dumps({"code": "1/0", **given}).encode())
    assert stops
    assert json.loads(content) == {"code": "1/0", "stop_on_error": False}


def test_code_that_stops_nothing_is_left_as_it_is() -> None:
    for content in (b'{"code": "1", "stop_on_error":  false}', b"no json", DEEP):
        assert going_on_after_error(content) == (content, False)


def test_fields_of_what_is_no_object_are_none() -> None:
    assert read_fields(b'{"a": 1}') == {"a": 1}
    assert read_fields(b"[1]") == read_fields(b"\xff") == read_fields(DEEP) == {}


def test_the_code_that_is_read_is_the_code_that_is_passed_on() -> None:
    code, content = read_execution(b'{"code": "1", "x": [1,  2], "c\\u006fde": "\\u00fc\\n"}')
    assert code == "\N{LATIN SMALL LETTER U WITH DIAERESIS}\n"
    assert content.count(b"code") == 1
    assert json.loads(content) == {"code": code, "x": [1, 2]}


@pytest.mark.parametrize(
    "content",
    [
        b'{"code": "import os", "x": "\\ud800"}',
        b'{"code": "import os", "x": NaN}',
        b'{"code": "\\ud800"}',
        b'{"code": "\xff"}',
        b'{"code": "\\u0000"}',
        b'{"code": 7}',
        b'{"silent": true}',
        b"\xef\xbb\xbf{}",
        b'{"code": "import os", "x": ' + DEEP + b"}",
    ],
)
def test_code_that_cannot_be_read_for_certain_is_refused(content: bytes) -> None:
    with pytest.raises(MalformedMessage):
        read_execution(content)


@pytest.mark.parametrize("name", ["exit", "quit"])
def test_exit_in_a_console_takes_the_console_only(name: str) -> None:
    for code in (name, f" {name}()\n"):
        asked = json.dumps({"code": code, "silent": False}).encode()
        assert json.loads(leaving_the_kernel(asked)) == {
            "code": f"{name}(keep_kernel=True)",
            "silent": False,
        }


@pytest.mark.parametrize("code", ["exit_code = 1", "x = 'exit'", "exit(1)", "exit; 1", 5])
def test_other_code_is_left_alone(code: object) -> None:
    asked = json.dumps({"code": code}).encode()
    assert leaving_the_kernel(asked) == asked


def test_a_kernel_says_whether_it_is_ipython() -> None:
    assert is_ipython(b'{"implementation": "ipython"}')
    assert not is_ipython(b'{"implementation": "xpython"}')
    assert not is_ipython(b"[]")
