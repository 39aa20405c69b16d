"""Events come out whole, however their bytes come in."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.client.sse import SseEvent, SseParser

lines = st.text(st.characters(exclude_characters="\r\n\x00", codec="utf-8"), max_size=20)
words = st.text(st.sampled_from("abcxyz_0123456789"), min_size=1, max_size=8)
events = st.builds(
    lambda kind, texts, id_: SseEvent(kind, "\n".join(texts).encode(), id_),
    words,
    st.lists(lines, min_size=1, max_size=4),
    st.none() | words,
)


def written(event: SseEvent, newline: str) -> bytes:
    parts = [f"event: {event.kind}"]
    parts += [f"id: {event.id}"] if event.id is not None else []
    parts += [f"data: {line}" for line in event.data.decode().split("\n")]
    return (newline.join([*parts, "", ""])).encode()


def fed(chunks: list[bytes]) -> list[SseEvent]:
    parser = SseParser()
    return [event for chunk in chunks for event in parser.feed(chunk)]


@given(
    wanted=st.lists(events, max_size=5),
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    cuts=st.lists(st.integers(0, 400), max_size=30),
)
def test_any_cutting_into_chunks_gives_the_same_events(
    wanted: list[SseEvent], newline: str, cuts: list[int]
) -> None:
    whole = b"".join(written(event, newline) for event in wanted)
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    chunks = [whole[start:stop] for start, stop in pairwise(places)]
    assert fed(chunks) == wanted


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_an_event_that_was_cut_before_its_empty_line_never_comes_out(newline: str) -> None:
    whole = written(SseEvent("stream", b"{}", "1"), newline)
    assert fed([whole[: -len(newline)]]) == []


def test_comments_are_counted_and_no_events() -> None:
    parser = SseParser()
    assert parser.feed(b": ready\n\n: alive\n\n") == []
    assert parser.comments == 2


def test_fields_without_a_space_and_unknown_fields_are_read_as_specified() -> None:
    assert fed([b"retry: 5\nevent:x\nid:7\ndata:a\ndata\ndata:  b\n\n"]) == [
        SseEvent("x", b"a\n\n b", "7")
    ]


def test_an_event_without_data_is_none() -> None:
    assert fed([b"event: x\nid: 1\n\ndata: y\n\n"]) == [SseEvent("message", b"y", None)]


def test_an_event_of_a_hundred_megabytes_costs_no_more_than_its_size() -> None:
    piece = b"x" * 65_536
    count = 1_600
    parser = SseParser()
    started = time.process_time()
    assert parser.feed(b"id: 1\nevent: stream\ndata: ") == []
    assert not any(parser.feed(piece) for _ in range(count))
    (event,) = parser.feed(b"\n\n")
    assert len(event.data) == count * len(piece)
    assert time.process_time() - started < 10
