"""Builders of journal records, and strategies that draw them."""

from __future__ import annotations

import json
from collections.abc import Iterable

from hypothesis import strategies as st

from kernelyard.model.json import JsonObject
from kernelyard.model.records import Record, RecordKind
from kernelyard.wire.journal import encode

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
BODIES = st.one_of(
    st.just(b"{}"),
    st.dictionaries(TEXT, TEXT | st.integers() | st.none(), max_size=4).map(
        lambda value: json.dumps(value).encode()
    ),
    st.binary(max_size=200),
)
RECORDS = st.builds(
    Record,
    number=st.integers(0, 2**64 - 1),
    at=st.integers(0, 2**64 - 1),
    seq=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(RecordKind),
    body=BODIES,
)


def encode_all(records: Iterable[Record]) -> bytes:
    """The bytes of several records, one behind the other."""
    return b"".join(map(encode, records))


def a_record(
    kind: RecordKind, body: JsonObject | None = None, *, number: int = 1, at: int = 0, seq: int = 0
) -> Record:
    """One record; its time is its number of milliseconds unless given."""
    content = json.dumps(body or {}).encode()
    return Record(number, at or number * 1000, seq, kind, content)


def a_journal(*parts: tuple[int, RecordKind, JsonObject | None]) -> list[Record]:
    """Records numbered 1, 2, 3 … from (task, kind, body)."""
    return [
        a_record(kind, body, number=number, seq=seq)
        for number, (seq, kind, body) in enumerate(parts, 1)
    ]
