"""The default framing: text without buffers, binary with · nothing is parsed but what must be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.wire import websocket_json
from kernelyard.wire.multipart import Parts
from kernelyard.wire.websocket import Framed, MalformedFrame

HEADER = {"msg_id": 'a "b"', "msg_type": "stream", "session": "s"}
MESSAGE: dict[str, Any] = {
    "header": HEADER,
    "parent_header": {"msg_id": "p"},
    "metadata": {"m": 1},
    "content": {"text": "ü"},
}


def _parts(buffers: tuple[bytes, ...] = ()) -> Parts:
    header, parent, metadata, content = (json.dumps(part).encode() for part in MESSAGE.values())
    return Parts(header, parent, metadata, content, buffers)


def _binary(*parts: bytes) -> bytes:
    begins = [4 * (len(parts) + 1)]
    for part in parts[:-1]:
        begins.append(begins[-1] + len(part))
    numbers = (len(parts), *begins)
    return b"".join(number.to_bytes(4, "big") for number in numbers) + b"".join(parts)


def test_a_message_is_one_json_object_with_its_type_and_id_on_top() -> None:
    text = websocket_json.encode(Framed("iopub", _parts()))
    assert isinstance(text, str)
    assert json.loads(text) == {
        "channel": "iopub",
        "msg_id": HEADER["msg_id"],
        "msg_type": "stream",
        **MESSAGE,
        "buffers": [],
    }


def test_a_message_with_buffers_is_binary() -> None:
    data = websocket_json.encode(Framed("iopub", _parts((b"\xff\x00", b"", b"three"))))
    assert isinstance(data, bytes)
    count, *begins = (int.from_bytes(data[at : at + 4], "big") for at in range(0, 20, 4))
    assert (count, begins[0]) == (4, 20)
    assert json.loads(data[begins[0] : begins[1]])["header"] == HEADER
    assert data[begins[1] : begins[2]] == b"\xff\x00"
    assert data[begins[3] :] == b"three"


def test_content_that_is_no_utf8_becomes_text_all_the_same() -> None:
    parts = Parts(b'{"msg_id":"1","msg_type":"stream"}', b"{}", b"{}", b'{"text":"\xff"}')
    text = websocket_json.encode(Framed("iopub", parts))
    assert isinstance(text, str)
    assert json.loads(text)["content"] == {"text": "\ufffd"}


@given(st.lists(st.binary(max_size=30), max_size=4))
def test_a_message_of_a_client_is_read_with_its_buffers(buffers: list[bytes]) -> None:
    sent = json.dumps({**MESSAGE, "channel": "control", "buffers": {}})
    read = websocket_json.decode(_binary(sent.encode(), *buffers))
    assert (read.channel, list(read.parts.buffers)) == ("control", buffers)
    assert json.loads(read.parts.content) == MESSAGE["content"]


def test_what_a_client_leaves_out_is_empty_and_the_channel_is_shell() -> None:
    read = websocket_json.decode('{"header":{"msg_id":"1"},"parent_header":null,"buffers":[]}')
    assert read == Framed("shell", Parts(b'{"msg_id":"1"}', b"{}", b"{}", b"{}", ()))
    assert websocket_json.decode('{"header":{},"channel":null}').channel == "shell"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("", "no kernel message in JSON"),
        ("{", "no kernel message in JSON"),
        ("[1]", "no kernel message in JSON"),
        ("{}", "header"),
        ('{"header":[]}', "header is no JSON object"),
        ('{"header":null}', "header is no JSON object"),
        ('{"header":{},"content":"text"}', "content is no JSON object"),
        ('{"header":{},"channel":7}', "channel"),
        ('{"header":{},"channel":"hb"}', "no channel 'hb'"),
        ("[" * 100_000, "no kernel message in JSON"),
        (b"", "no table"),
        (b"\0\0\0\0", "0 parts"),
        (b"\xff\xff\xff\xff", "claims 4294967295 parts"),
        (b"\0\0\0\2\0\0\0\x0c", "longer than its 8 bytes"),
        (b"\0\0\0\1\0\0\0\2{}", "inside the table"),
        (b"\0\0\0\1\0\0\0\x20{}", "behind its end"),
        (b"\0\0\0\2\0\0\0\x0e\0\0\0\x0c{}", "ascend"),
        (_binary(b"\xff\xfe"), "no kernel message in JSON"),
    ],
)
def test_a_malformed_frame_is_refused_with_words(data: str | bytes, words: str) -> None:
    with pytest.raises(MalformedFrame, match=words):
        websocket_json.decode(data)


@given(st.one_of(st.text(max_size=50), st.binary(max_size=100)))
def test_nothing_does_anything_else_than_being_refused(data: str | bytes) -> None:
    with pytest.raises(MalformedFrame):
        websocket_json.decode(data)
