"""Frames are whole, however the stream was cut."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.wire.framing import LARGEST_FRAME, Splitter, frame


@given(st.lists(st.binary(max_size=40), max_size=6), st.lists(st.integers(0, 300), max_size=8))
def test_frames_come_whole_however_the_stream_is_cut(
    payloads: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(map(frame, payloads))
    places = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    splitter = Splitter()
    got: list[bytes] = []
    for begin, end in itertools.pairwise(places):
        got += splitter.feed(stream[begin:end])
    assert got == payloads


def test_a_frame_that_is_too_large_is_refused_before_it_has_come() -> None:
    with pytest.raises(ValueError, match="limit"):
        Splitter().feed((LARGEST_FRAME + 1).to_bytes(4, "little"))
