"""What one record can hold: text over it comes in pieces, anything else is counted as cut."""

from __future__ import annotations

import json

from kernelyard.agent.allowance import LARGEST_RECORD, STREAM_PIECE, Allowance
from kernelyard.model.records import RecordKind
from kernelyard.wire.framing import LARGEST_FRAME

TEXT = "".join(chr(1 + n % 300) for n in range(5000))
STREAM = json.dumps({"name": "stdout", "text": TEXT}).encode()


def test_what_fits_is_left_alone() -> None:
    assert Allowance(0).pieces(RecordKind.STREAM, STREAM) == [STREAM]


def test_a_stream_over_the_size_comes_in_pieces_and_nothing_is_cut() -> None:
    allowance = Allowance(0)
    pieces = allowance.pieces(RecordKind.STREAM, STREAM, largest=1000, stream_piece=100)
    assert len(pieces) == 50
    assert "".join(json.loads(piece)["text"] for piece in pieces) == TEXT
    assert {json.loads(piece)["name"] for piece in pieces} == {"stdout"}
    assert allowance.cut() is None


def test_a_display_over_the_size_is_cut_and_counted_and_the_next_one_is_kept() -> None:
    allowance = Allowance(0)
    big, small = b'{"data":{"x":"' + b"y" * 2000 + b'"}}', b'{"data":{}}'
    assert allowance.pieces(RecordKind.DISPLAY_DATA, big, largest=1000) == []
    assert allowance.pieces(RecordKind.DISPLAY_DATA, small, largest=1000) == [small]
    assert allowance.admit(RecordKind.DISPLAY_DATA, small) == small
    assert json.loads(allowance.cut() or b"") == {"bytes": len(big), "messages": 1}


def test_the_largest_record_and_the_largest_piece_fit_into_a_frame() -> None:
    assert LARGEST_RECORD < LARGEST_FRAME
    assert STREAM_PIECE * 6 < LARGEST_RECORD
