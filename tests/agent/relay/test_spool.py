"""A spool gives back what was put in, in order, and takes no more than there is room for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.agent.holes import can_free
from kernelyard.agent.relay.spool import CHUNK, Room, Spool


@given(st.lists(st.one_of(st.none(), st.binary(max_size=100)), max_size=20))
def test_what_comes_out_is_what_went_in(acts: list[bytes | None]) -> None:
    spool = Spool(Room(Path("/tmp"), left_free=0))
    put, got = b"", b""
    for data in acts:
        if data is None:
            got += spool.read()
        else:
            assert spool.write(data)
            put += data
    got += spool.read()
    assert got == put
    assert len(spool) == 0
    spool.close()


def test_what_is_over_its_bound_is_not_taken_but_a_last_word_is(tmp_path: Path) -> None:
    spool = Spool(Room(tmp_path, left_free=0), most=5)
    assert spool.write(b"1234")
    assert not spool.write(b"56")
    assert spool.write_last(b"bye")
    assert spool.read() == b"1234bye"
    assert not list(tmp_path.iterdir()), "it leaves nothing behind"
    spool.close()


def test_only_what_waits_counts_however_much_has_passed(tmp_path: Path) -> None:
    if not can_free(tmp_path):
        pytest.skip("no holes can be punched here")
    spool = Spool(Room(tmp_path, most=4 * CHUNK, left_free=0), most=4 * CHUNK, punch=CHUNK)
    assert spool.write(b"first")
    got = b""
    for n in range(20):
        assert spool.write(bytes([n]) * CHUNK)
        got += spool.read()
    while data := spool.read():
        got += data
    assert got == b"first" + b"".join(bytes([n]) * CHUNK for n in range(20))
    spool.close()


def test_all_spools_have_one_room_together(tmp_path: Path) -> None:
    room = Room(tmp_path, most=10, left_free=0)
    one, two = Spool(room), Spool(room)
    assert one.write(b"123456")
    assert not two.write(b"12345")
    assert two.write(b"1234")
    one.close()
    assert two.write(b"123456")
    two.close()
    assert room.has(10)


def test_a_disk_that_is_nearly_full_is_left_to_the_journals(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    spool = Spool(Room(tmp_path, left_free=2 * free))
    assert not spool.write(b"x")
    spool.close()
