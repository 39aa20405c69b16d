"""Messages: the fields that decide something, and content that becomes one line of JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.wire.messages import (
    Header,
    ask,
    clean_content,
    execute_request,
    read_error,
    read_header,
    read_reply,
    read_state,
    shorten_stream,
    shutdown_request,
)
from kernelyard.wire.multipart import MalformedMessage

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)
OBJECTS = st.dictionaries(TEXT, JSON, max_size=4)


@given(OBJECTS, st.booleans())
def test_good_content_is_kept_byte_for_byte(content: dict[str, object], ascii_only: bool) -> None:
    sent = json.dumps(content, ensure_ascii=ascii_only).encode()
    assert clean_content(sent) == sent


@given(OBJECTS)
def test_content_on_several_lines_becomes_one(content: dict[str, object]) -> None:
    cleaned = clean_content(json.dumps(content, indent=1).replace(": ", ":\r\n").encode())
    assert b"\n" not in cleaned
    assert b"\r" not in cleaned


@given(st.binary(max_size=80))
def test_whatever_a_kernel_sends_becomes_an_object_on_one_line(content: bytes) -> None:
    cleaned = clean_content(content)
    assert isinstance(json.loads(cleaned.decode()), dict)
    assert b"\n" not in cleaned


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (b'{"x": NaN, "y": [-Infinity]}', {"x": None, "y": [None]}),
        (b'{"x": "\\ud800!"}', {"x": "\ufffd!"}),
        (b'{"x": "caf\xe9"}', {"x": "caf\ufffd"}),
        (b"[1]", {"unreadable": "[1]"}),
        (b"{", {"unreadable": "{"}),
        (b"[" * 100_000, {"unreadable": "[" * 100_000}),
    ],
)
def test_what_is_beyond_json_is_mended(sent: bytes, kept: object) -> None:
    assert json.loads(clean_content(sent)) == kept


def test_a_request_to_execute_asks_for_history_and_no_prompts() -> None:
    parts = execute_request("1\n'é'", msg_id="m", session="s", date="2026-01-01T00:00:00Z")
    header = json.loads(parts.header)
    assert header["msg_type"] == "execute_request"
    assert (header["msg_id"], header["session"], header["date"]) == (
        "m",
        "s",
        "2026-01-01T00:00:00Z",
    )
    assert json.loads(parts.content) == {
        "code": "1\n'é'",
        "silent": False,
        "store_history": True,
        "user_expressions": {},
        "allow_stdin": False,
        "stop_on_error": False,
    }


def test_questions_and_shutdowns_have_their_type() -> None:
    asked = ask("kernel_info_request", msg_id="m", session="s", date="d")
    assert read_header(asked.header) == Header("m", "kernel_info_request")
    assert (asked.parent, asked.content) == (b"{}", b"{}")
    told = shutdown_request(restart=False, msg_id="m", session="s", date="d")
    assert json.loads(told.content) == {"restart": False}


def test_a_header_is_read_as_far_as_it_concerns_us() -> None:
    header = read_header(b'{"msg_id":"a","msg_type":"stream","x":[1]}')
    assert header == Header("a", "stream")


@pytest.mark.parametrize("header", [b"", b"[]", b'{"msg_id": 1}', b"\xff"])
def test_a_header_that_cannot_be_read_is_refused(header: bytes) -> None:
    with pytest.raises(MalformedMessage):
        read_header(header)


def test_a_kernel_that_greets_without_a_parent_may_say_so_by_null() -> None:
    assert read_header(b"null") == read_header(b"{}") == Header()


def test_strange_replies_are_read_as_far_as_possible() -> None:
    reply = read_reply(b'{"status": "error", "ename": null, "evalue": 7, "traceback": "no"}')
    assert (reply.status, reply.ename, reply.evalue, reply.traceback) == ("error", "", "7", [])
    assert read_reply(b"nonsense").status == ""
    error = read_error(b'{"ename": "E", "traceback": [1, "two"]}')
    assert (error.ename, error.traceback) == ("E", ["1", "two"])
    assert read_state(b"nonsense") == ""
    assert read_state(b'{"execution_state": "idle"}') == "idle"


@given(TEXT, st.integers(0, 30))
def test_a_shortened_stream_keeps_the_beginning_of_its_text(text: str, most: int) -> None:
    sent = json.dumps({"name": "stderr", "text": text}).encode()
    short = shorten_stream(sent, most)
    if short:
        stream = json.loads(short)
        assert stream["name"] == "stderr"
        assert text.startswith(stream["text"])
        assert len(stream["text"].encode()) <= most
    else:
        assert most < 4 or not text
