"""What ZeroMQ sockets say: taken apart in whatever pieces it comes, refused when it is nonsense."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.wire import zmtp

READY = zmtp.encode_ready("DEALER")


def fed(*pieces: bytes, largest: int = 10_000) -> list[zmtp.Received]:
    decoder = zmtp.Decoder(largest)
    return [received for piece in pieces for received in decoder.feed(piece)]


@given(
    st.lists(st.lists(st.binary(max_size=400), min_size=1, max_size=5), max_size=4),
    st.integers(1, 97),
)
def test_messages_come_whole_however_they_are_cut(messages: list[list[bytes]], step: int) -> None:
    said = zmtp.GREETING + READY + b"".join(map(zmtp.encode_message, messages))
    pieces = [said[at : at + step] for at in range(0, len(said), step)]
    ready, *rest = fed(*pieces)
    assert isinstance(ready, zmtp.Command)
    assert rest == messages


def test_a_socket_tells_its_type_and_identity() -> None:
    (ready,) = fed(zmtp.GREETING + READY)
    assert isinstance(ready, zmtp.Command)
    assert zmtp.read_ready(ready) == ("DEALER", b"")
    named = zmtp.Command(b"READY", ready.data + b"\x08Identity\0\0\0\x03abc")
    assert zmtp.read_ready(named) == ("DEALER", b"abc")


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n",
        zmtp.GREETING.replace(b"NULL", b"CURVE"),
        zmtp.GREETING.replace(b"\x7f\x03", b"\x7f\x02"),
        zmtp.GREETING + b"\x80\x01x",
        zmtp.GREETING + b"\x04\x00",
        zmtp.GREETING + b"\x04\x02\x05R",
        zmtp.GREETING + b"\x02" + (1 << 62).to_bytes(8, "big"),
    ],
    ids=["http", "curve", "old", "flags", "no name", "short name", "endless"],
)
def test_nonsense_is_refused(said: bytes) -> None:
    with pytest.raises(zmtp.NotZmtp):
        fed(said)


def test_a_message_of_many_small_frames_is_refused_like_a_large_one() -> None:
    with pytest.raises(zmtp.NotZmtp, match="over 100 bytes"):
        fed(zmtp.GREETING, b"\x01\x00" * 200, largest=100)


@pytest.mark.parametrize(
    "data", [b"\x0bSocket-Type\0\0\0\x09SUB", b"\x08Identity\0\0\x01\x2c" + b"x" * 300, b"\x05ab"]
)
def test_a_broken_ready_command_is_refused(data: bytes) -> None:
    with pytest.raises(zmtp.NotZmtp):
        zmtp.read_ready(zmtp.Command(b"READY", data))


def test_subscriptions_are_understood_in_both_forms() -> None:
    assert zmtp.read_subscription([b"\1topic"]) == (True, b"topic")
    assert zmtp.read_subscription([b"\0topic"]) == (False, b"topic")
    assert zmtp.read_subscription(zmtp.Command(b"SUBSCRIBE", b"")) == (True, b"")
    assert zmtp.read_subscription(zmtp.Command(b"CANCEL", b"a")) == (False, b"a")
    for other in ([b"\2x"], [b"\1a", b"b"], [b""], zmtp.Command(b"PING", b"")):
        assert zmtp.read_subscription(other) is None


def test_a_ping_is_answered_with_its_context() -> None:
    pong = zmtp.answer_ping(zmtp.Command(b"PING", b"\0\x0actx"))
    assert pong is not None
    assert fed(zmtp.GREETING + pong) == [zmtp.Command(b"PONG", b"ctx")]
    assert zmtp.answer_ping(zmtp.Command(b"PONG", b"")) is None
