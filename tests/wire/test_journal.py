"""Records come back as they were written, from any cut, and a damaged one is never taken for whole."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.model.records import Record, RecordKind
from kernelyard.wire.journal import (
    HEADER_SIZE,
    KIND_CODES,
    LARGEST_BODY,
    CorruptRecord,
    encode,
    peek_length,
    split,
)

from tests.support.records import RECORDS, a_record, encode_all

JOURNALS = st.lists(RECORDS, max_size=8)


@given(JOURNALS)
def test_records_come_back_as_they_were_written(records: list[Record]) -> None:
    data = encode_all(records)
    assert split(data) == (records, len(data))
    assert split(memoryview(data)) == (records, len(data))


@given(JOURNALS, st.data())
def test_a_cut_anywhere_keeps_the_whole_records_before_it(
    records: list[Record], data: st.DataObject
) -> None:
    whole = encode_all(records)
    cut = data.draw(st.integers(0, len(whole)))
    kept, size = split(whole[:cut])
    assert kept == records[: len(kept)]
    assert size == len(encode_all(kept)) <= cut
    following = records[len(kept) : len(kept) + 1]
    assert not following or size + len(encode(following[0])) > cut


@given(JOURNALS, st.data())
def test_reading_may_go_on_where_it_stopped(records: list[Record], data: st.DataObject) -> None:
    whole = encode_all(records)
    cut = data.draw(st.integers(0, len(whole)))
    first, size = split(whole[:cut])
    second, _ = split(whole[size:])
    assert first + second == records


@given(RECORDS, st.data())
def test_a_change_of_any_byte_is_noticed(record: Record, data: st.DataObject) -> None:
    whole = bytearray(encode(record))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    try:
        records, _ = split(whole)
    except CorruptRecord:
        records = []
    assert records == []


@given(RECORDS, RECORDS, st.data())
def test_damage_to_one_record_never_makes_up_another(
    first: Record, second: Record, data: st.DataObject
) -> None:
    whole = bytearray(encode_all([first, second]))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= data.draw(st.integers(1, 255))
    try:
        records, _ = split(whole)
    except CorruptRecord:
        records = []
    assert records in ([], [first])


@given(RECORDS)
def test_the_header_tells_the_size_of_the_whole_record(record: Record) -> None:
    data = encode(record)
    assert peek_length(data[:HEADER_SIZE]) == len(data) == HEADER_SIZE + len(record.body)


def test_a_record_that_claims_too_much_is_corrupt() -> None:
    data = bytearray(encode(a_record(RecordKind.STREAM)))
    data[:4] = struct.pack("<I", LARGEST_BODY + 1)
    with pytest.raises(CorruptRecord, match="claims"):
        split(data)


def test_a_record_of_an_unknown_kind_is_corrupt() -> None:
    rest = struct.pack("<QQIB", 1, 1, 1, 99)
    data = struct.pack("<II", 0, zlib.crc32(rest)) + rest
    with pytest.raises(CorruptRecord, match="unknown kind 99"):
        split(data)


def test_every_kind_has_a_code_of_its_own() -> None:
    assert set(KIND_CODES) == set(RecordKind)
    assert len(set(KIND_CODES.values())) == len(KIND_CODES)


def test_the_form_on_disk_is_the_same_in_every_version() -> None:
    record = Record(7, 1_700_000_000_000_000, 3, RecordKind.STREAM, b'{"text":"hi"}')
    assert encode(record).hex() == (
        "0d000000"  # length of the body
        "bbbed23a"  # checksum
        "0700000000000000"  # number
        "00401e18240a0600"  # time
        "03000000"  # task
        "01"  # kind
        "7b2274657874223a226869227d"
    )
