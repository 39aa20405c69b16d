"""Text cut anywhere into bytes comes together again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kernelyard.model.logs import decoded, without_torn_begin


@given(st.text(), st.integers(4, 9))
def test_text_read_in_pieces_of_bytes_is_the_text(text: str, size: int) -> None:
    data = text.encode("utf-8", "replace")
    at, pieces = 0, []
    while at < len(data):
        piece, used = decoded(data[at : at + size], more=at + size < len(data))
        assert used
        pieces.append(piece)
        at += used
    assert "".join(pieces) == data.decode()


@given(st.binary(max_size=40), st.integers(4, 9))
def test_any_bytes_come_to_an_end(data: bytes, size: int) -> None:
    at = 0
    while at < len(data):
        _, used = decoded(data[at : at + size], more=at + size < len(data))
        assert used > 0
        at += used
    assert at == len(data)


@given(st.text(), st.integers(0, 200))
def test_a_tail_begins_with_a_whole_character(text: str, begin: int) -> None:
    data = text.encode("utf-8", "replace")
    tail = without_torn_begin(data[begin:])
    assert data.endswith(tail)
    assert data.decode().endswith(tail.decode())
    assert len(data[begin:]) - len(tail) < 4


def test_what_is_no_text_is_replaced() -> None:
    assert decoded(b"a\xffb\xf0", more=False) == (
        "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}",
        4,
    )
    assert decoded(b"a\xffb\xf0", more=True) == ("a\N{REPLACEMENT CHARACTER}b", 3)
