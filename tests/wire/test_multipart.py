"""Multipart: there and back, signed; what is not signed with our key is refused."""

from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.wire.multipart import DELIMITER, MalformedMessage, Parts, WronglySigned, join, split
from kernelyard.wire.signing import SCHEMES, Signer

BYTES = st.binary(max_size=50)
IDENTITIES = st.lists(BYTES.filter(lambda part: part != DELIMITER), max_size=3)
KEYS = st.binary(max_size=200)
PARTS = st.builds(
    Parts, BYTES, BYTES, BYTES, BYTES, buffers=st.lists(BYTES, max_size=3), identities=IDENTITIES
)


@given(PARTS, KEYS)
def test_a_message_comes_back_as_it_was_sent(parts: Parts, key: bytes) -> None:
    assert split(join(parts, Signer(key)), Signer(key)) == parts


@given(
    st.lists(BYTES, min_size=4, max_size=4),
    KEYS.filter(bool),
    st.sampled_from(sorted(SCHEMES)),
)
def test_the_signature_is_the_protocols_hmac(parts: list[bytes], key: bytes, scheme: str) -> None:
    expected = hmac.new(key, digestmod=scheme.removeprefix("hmac-"))
    for part in parts:
        expected.update(part)
    signer = Signer(key, scheme)
    assert signer.sign(parts) == expected.hexdigest().encode()
    assert signer.verify(signer.sign(parts), parts)


def test_a_scheme_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="hmac-sha512"):
        Signer(b"key", "rot13")


@given(PARTS, KEYS.filter(bool), st.integers(0, 3), st.binary(min_size=1, max_size=3))
def test_a_message_that_was_changed_is_refused(
    parts: Parts, key: bytes, which: int, more: bytes
) -> None:
    signer = Signer(key)
    frames = join(parts, signer)
    frames[len(parts.identities) + 2 + which] += more
    with pytest.raises(MalformedMessage):
        split(frames, signer)


def test_an_empty_key_signs_nothing() -> None:
    parts = Parts(b"1", b"2", b"3", b"4", [], [])
    assert join(parts, Signer(b"")) == [DELIMITER, b"", b"1", b"2", b"3", b"4"]
    assert split([DELIMITER, b"", b"1", b"2", b"3", b"4"], Signer(b"")) == parts


def test_what_is_signed_with_any_key_is_not_signed_with_an_empty_one() -> None:
    frames = join(Parts(b"1", b"2", b"3", b"4", [], []), Signer(b"key"))
    with pytest.raises(WronglySigned):
        split(frames, Signer(b""))


@pytest.mark.parametrize("frames", [[], [b"a"], [DELIMITER], [b"a", DELIMITER, b"", b"1", b"2"]])
def test_what_is_no_message_is_refused(frames: list[bytes]) -> None:
    with pytest.raises(MalformedMessage):
        split(frames, Signer(b""))
