"""Messages that fit go as they are; of others a word is said, to whoever would have heard them."""

from __future__ import annotations

import json

import pytest

from kernelyard.agent.relay.framed import TOO_LARGE, framed
from kernelyard.wire import websocket_v1
from kernelyard.wire.composing import Composer
from kernelyard.wire.framing import LENGTH_SIZE, frame
from kernelyard.wire.multipart import Parts

COMPOSER = Composer("a-relay")
PARENT = b'{"msg_id":"asked"}'


def said(msg_type: str, size: int) -> Parts:
    header = json.dumps({"msg_id": "1", "msg_type": msg_type}).encode()
    return Parts(header, PARENT, b"{}", b"{}", [bytes(size)])


def test_a_message_that_fits_goes_as_it_is() -> None:
    parts = said("comm_msg", 100)
    assert framed(COMPOSER, "iopub", parts) == frame(websocket_v1.encode("iopub", parts))


@pytest.mark.parametrize(
    ("channel", "msg_type", "instead"),
    [("iopub", "display_data", "stream"), ("shell", "execute_reply", "execute_reply")],
)
def test_of_one_that_is_too_large_a_word_is_said(channel: str, msg_type: str, instead: str) -> None:
    made = framed(COMPOSER, channel, said(msg_type, 5000), 4000)
    heard = websocket_v1.decode(made[LENGTH_SIZE:])
    assert (heard.channel, heard.parts.parent) == (channel, PARENT)
    assert json.loads(heard.parts.header)["msg_type"] == instead
    content = json.loads(heard.parts.content)
    assert "too large" in content.get("text", content.get("evalue"))
    assert content.get("ename", TOO_LARGE) == TOO_LARGE
