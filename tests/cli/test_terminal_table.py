"""Tables on a terminal: as wide as it is, and never an id that cannot be copied."""

from __future__ import annotations

import pytest

from kernelyard.cli.terminal_table import table_lines

ID = "4ec617b8-b220-42cc-aedd-384916898590"
COLUMNS = ("ID", "STATE", "CODE", "CREATED", "ENDED")
ROW = (ID, "cancelled", "import numpy, a long line of code", "2026-01-01 00:00:00", "2026-01-01")


@pytest.mark.parametrize("room", [20, 40, 60, 80, 100, 200])
def test_an_id_is_never_shortened(room: int) -> None:
    line = table_lines(COLUMNS, [ROW], ("ENDED", "CREATED"), room)[1]
    assert line.startswith(f"{ID}  cancelled  import")


def test_columns_are_left_out_where_there_is_no_room_and_text_is_shortened() -> None:
    head, line = table_lines(COLUMNS, [ROW], ("ENDED", "CREATED"), 70)
    assert head.split() == ["ID", "STATE", "CODE"]
    assert line.endswith("…")
    assert len(line) == 70
    head, _ = table_lines(COLUMNS, [ROW], ("ENDED", "CREATED"), 90)
    assert head.split() == ["ID", "STATE", "CODE", "CREATED"]


def test_where_there_is_room_all_is_shown() -> None:
    head, line = table_lines(COLUMNS, [ROW], ("ENDED", "CREATED"), 200)
    assert head.split() == list(COLUMNS)
    assert line.split("  ")[2] == ROW[2]


def test_wide_letters_keep_the_columns_straight() -> None:
    lines = table_lines(("CODE", "STATE"), [("日本", "a"), ("abcd", "b")], (), 80)
    assert lines == ["CODE  STATE", "日本  a", "abcd  b"]
