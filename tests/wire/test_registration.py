"""Kernels register in two dialects at one socket; what they did not sign is nothing."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.wire.connections import PORTS
from kernelyard.wire.multipart import DELIMITER, MalformedMessage, Parts, join, split
from kernelyard.wire.registration import (
    WrongPorts,
    read_registration,
    registration_file,
)
from kernelyard.wire.signing import Signer

SIGNER = Signer(b"secret")
CHOSEN = (50001, 50002, 50003, 50004, 50005)
SAID = dict(zip(PORTS, CHOSEN, strict=True))
ANSWER = {"msg_id": "m", "session": "s", "date": "d"}


def in_dialect_a(content: object, *, key: bytes = b"secret", identities: int = 1) -> list[bytes]:
    data = json.dumps(content).encode()
    signature = hmac.new(key, data, hashlib.sha256).hexdigest().encode()
    return [*[b"id"] * identities, DELIMITER, signature, data]


def in_dialect_b(content: object, *, key: bytes = b"secret") -> list[bytes]:
    header = b'{"msg_id":"asked","msg_type":"handshake_request"}'
    data = json.dumps(content).encode()
    return join(Parts(header, b"{}", b"{}", data, [], [b"id", b""]), Signer(key))


def test_ports_come_in_both_dialects_as_numbers_or_as_texts() -> None:
    texts = {name: str(port) for name, port in SAID.items()}
    for frames, dialect in [
        (in_dialect_a({**texts, "kernel_id": "k"}), "a"),
        (in_dialect_a(SAID, identities=2), "a"),
        (in_dialect_b(SAID), "b"),
        (in_dialect_b({**texts, "capabilities": {}}), "b"),
    ]:
        registration = read_registration(frames)
        assert registration.dialect == dialect
        assert registration.ports(SIGNER) == CHOSEN


def test_the_answer_in_dialect_a_is_one_signed_part_for_whoever_asked() -> None:
    frames = in_dialect_a(SAID)
    identity, delimiter, signature, content = read_registration(frames).acknowledgement(
        SIGNER, **ANSWER
    )
    assert (identity, delimiter) == (b"id", DELIMITER)
    assert hmac.new(b"secret", content, hashlib.sha256).hexdigest().encode() == signature


def test_the_answer_in_dialect_b_is_a_whole_message_that_names_the_request() -> None:
    answer = split(read_registration(in_dialect_b(SAID)).acknowledgement(SIGNER, **ANSWER), SIGNER)
    assert list(answer.identities) == [b"id", b""]
    assert json.loads(answer.header)["msg_type"] == "handshake_reply"
    assert json.loads(answer.parent)["msg_id"] == "asked"
    assert json.loads(answer.content) == {"status": "ok"}


@pytest.mark.parametrize("frames", [in_dialect_a(SAID, key=b"guess"), in_dialect_b(SAID, key=b"x")])
def test_what_somebody_else_signed_is_refused(frames: list[bytes]) -> None:
    with pytest.raises(MalformedMessage):
        read_registration(frames).ports(SIGNER)


@pytest.mark.parametrize(
    "content",
    [
        {},
        [],
        {**SAID, "hb_port": 0},
        {**SAID, "hb_port": 65_536},
        {**SAID, "hb_port": 50001},
        {**SAID, "hb_port": "x"},
        {name: port for name, port in SAID.items() if name != "iopub_port"},
    ],
)
def test_a_kernel_that_tells_no_five_ports_is_told_from_a_stranger(content: object) -> None:
    for frames in (in_dialect_a(content), in_dialect_b(content)):
        with pytest.raises(WrongPorts):
            read_registration(frames).ports(SIGNER)


@given(st.lists(st.one_of(st.binary(max_size=20), st.just(DELIMITER)), max_size=15))
def test_any_frames_are_a_registration_or_refused(frames: list[bytes]) -> None:
    try:
        registration = read_registration(frames)
    except MalformedMessage:
        return
    with pytest.raises(MalformedMessage):
        registration.ports(SIGNER)


def test_the_files_of_both_dialects_say_what_their_kernels_demand() -> None:
    def a_file(dialect: str) -> dict[str, object]:
        return json.loads(
            registration_file(
                dialect,  # type: ignore[arg-type]
                kernel_id="k",
                kernel_name="n",
                address=("127.0.0.1", 12345),
                key="secret",
            )
        )

    first, second = a_file("a"), a_file("b")
    assert (first["registration_ip"], first["registration_port"]) == ("127.0.0.1", "12345")
    assert first["kernel_id"] == "k"
    assert second["registration_port"] == 12345
    assert "registration_ip" not in second
    for said in (first, second):
        assert said["transport"] == "tcp"
        assert said["ip"] == "127.0.0.1"
        assert said["key"] == "secret"
        assert not set(PORTS) & set(said)
