"""A spool gives back what was put in, in order, and takes no more than it may."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kernelyard.agent.relay.spool import Spool


@given(st.lists(st.one_of(st.none(), st.binary(max_size=100)), max_size=20))
def test_what_comes_out_is_what_went_in(acts: list[bytes | None]) -> None:
    spool = Spool(Path("/tmp"))
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
    spool = Spool(tmp_path, most=5)
    assert spool.write(b"1234")
    assert not spool.write(b"56")
    assert spool.write_last(b"bye")
    assert spool.read() == b"1234bye"
    assert not list(tmp_path.iterdir()), "it leaves nothing behind"
    spool.close()
