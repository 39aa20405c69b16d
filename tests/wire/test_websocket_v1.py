"""The v1 framing: messages come back as they were · whatever is no message is refused with words."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.wire import websocket_v1
from kernelyard.wire.multipart import Parts
from kernelyard.wire.websocket import CHANNELS, MOST_PARTS, Framed, MalformedFrame, not_understood

PARTS = Parts(b'{"msg_id":"1"}', b"{}", b"{}", b'{"code":"1"}')
FRAME = websocket_v1.encode("shell", PARTS)


@given(
    st.sampled_from(sorted(CHANNELS)),
    st.tuples(*[st.binary(max_size=50)] * 4),
    st.lists(st.binary(max_size=50), max_size=5),
)
def test_a_message_comes_back_as_it_was(
    channel: str, parts: tuple[bytes, bytes, bytes, bytes], buffers: list[bytes]
) -> None:
    sent = Parts(*parts, buffers)
    assert websocket_v1.decode(websocket_v1.encode(channel, sent)) == Framed(channel, sent)


@pytest.mark.parametrize("buffers", [(), (b"a", b"")], ids=["plain", "buffers"])
def test_a_frame_is_as_jupyter_writes_it(buffers: tuple[bytes, ...]) -> None:
    message = Parts(b"{1}", b"{}", b"{}", b"{22}", buffers)
    pieces = [b"iopub", b"{1}", b"{}", b"{}", b"{22}", *buffers]
    offsets = [8 * (1 + len(pieces) + 1)]
    for piece in pieces:
        offsets.append(offsets[-1] + len(piece))
    table = b"".join(number.to_bytes(8, "little") for number in (len(offsets), *offsets))
    assert websocket_v1.encode("iopub", message) == table + b"".join(pieces)


def _table(*numbers: int, rest: bytes = b"") -> bytes:
    return struct.pack(f"<{len(numbers)}Q", *numbers) + rest


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (b"", "no table"),
        (b"1234567", "no table"),
        (_table(0), "0 offsets"),
        (_table(5, 0, 0, 0, 0, 0), "5 offsets"),
        (_table(2**63), "claims"),
        (_table(MOST_PARTS + 2), "claims"),
        (_table(6, 1, 2), "longer than its 24 bytes"),
        (_table(6, 8, 56, 56, 56, 56, 56), "inside the table"),
        (_table(6, 56, 56, 56, 56, 56, 2**64 - 1), "last offset"),
        (_table(6, 56, 2**40, 56, 56, 56, 61, rest=b"shell"), "ascend"),
        (_table(6, 56, 61, 61, 61, 61, 60, rest=b"shell"), "last offset"),
        (_table(6, 56, 61, 61, 61, 61, 61, rest=b"heart"), "no channel 'heart'"),
        (_table(6, 56, 58, 58, 58, 58, 58, rest=b"\xff\xfe"), "no channel"),
        (FRAME[:-1], "last offset"),
        (FRAME + b"x", "last offset"),
    ],
)
def test_a_malformed_frame_is_refused_with_words(frame: bytes, words: str) -> None:
    with pytest.raises(MalformedFrame, match=words):
        websocket_v1.decode(frame)


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_else_than_being_refused(data: bytes) -> None:
    with pytest.raises(MalformedFrame):
        websocket_v1.decode(data)


def test_a_client_is_told_of_what_was_not_understood_in_a_message_of_the_protocol() -> None:
    told = not_understood("it is nonsense")
    assert told.channel == "iopub"
    assert b'"msg_type":"stream"' in told.parts.header
    assert b"it is nonsense" in told.parts.content
