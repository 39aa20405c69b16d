"""Records as JSON, bodies untouched."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.doors.native.splice import Pieces, event_bytes, joined, output_bytes, page_pieces
from kernelyard.doors.native.translate import time_text
from kernelyard.model.outputs import OutputPage
from kernelyard.model.records import Record, RecordKind

WORDS = st.text(max_size=12)
CONTENTS = st.dictionaries(WORDS, st.none() | st.integers() | WORDS | st.lists(WORDS), max_size=3)
RECORDS = st.builds(
    Record,
    number=st.integers(1, 2**63),
    at=st.integers(0, 4_000_000_000_000_000),
    seq=st.integers(0, 2**31),
    kind=st.sampled_from(RecordKind),
    body=CONTENTS.map(lambda content: json.dumps(content, indent=1).encode()),
)


@given(RECORDS)
def test_an_output_is_one_line_of_json_with_the_same_content(record: Record) -> None:
    line = output_bytes(record)
    assert b"\n" not in line
    assert b"\r" not in line
    assert json.loads(line) == {
        "number": record.number,
        "at": time_text(record.at),
        "task": record.seq,
        "kind": record.kind.value,
        "content": json.loads(record.body),
    }


@given(RECORDS)
def test_an_event_has_three_fields_and_ends_with_an_empty_line(record: Record) -> None:
    lines = event_bytes(record).split(b"\n")
    assert [line.partition(b": ")[0] for line in lines] == [b"id", b"event", b"data", b"", b""]
    assert lines[0] == b"id: %d" % record.number


@given(st.lists(RECORDS, max_size=3), st.booleans())
def test_a_page_is_json_however_it_is_cut_into_pieces(
    records: list[Record], complete: bool
) -> None:
    page = OutputPage(records, 7, complete)
    for size in (1, 100, 10_000):
        body = json.loads(b"".join(joined(page_pieces(page), size)))
        assert [item["number"] for item in body["items"]] == [r.number for r in records]
        assert (body["last"], body["complete"]) == (7, complete)


@given(st.lists(st.binary(max_size=30)), st.integers(1, 50))
def test_pieces_are_put_together_without_loss(pieces: list[bytes], size: int) -> None:
    together = list(joined(pieces, size))
    assert b"".join(together) == b"".join(pieces)
    assert all(len(piece) >= size for piece in together[:-1])


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_767_225_600_000_001, "2026-01-01T00:00:00.000001Z"),
        (1_767_225_599_999_999, "2025-12-31T23:59:59.999999Z"),
    ],
)
def test_times_are_rfc_3339_in_utc_with_microseconds(at: int, text: str) -> None:
    assert time_text(at) == text


def test_pieces_are_made_when_they_are_needed_and_once_for_all() -> None:
    made: list[int] = []

    def making() -> Iterator[bytes]:
        for number in range(3):
            made.append(number)
            yield b"%d" % number

    pieces = Pieces(making())
    fast, slow = iter(pieces), iter(pieces)
    assert (next(slow), made) == (b"0", [0])
    assert (b"".join(fast), made) == (b"012", [0, 1, 2])
    assert (b"".join(slow), b"".join(pieces), made) == (b"12", b"012", [0, 1, 2])
