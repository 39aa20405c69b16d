"""Sizes and durations as people write them, and sentences for what cannot be meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.model.errors import Invalid
from kernelyard.model.quantities import parse_duration, parse_size

SIZES = {
    "1Gi": 2**30,
    "512MiB": 512 * 2**20,
    "4g": 4 * 2**30,
    "1.5 GB": 1_500_000_000,
    "0": 0,
    "17": 17,
    "17b": 17,
    " 2 k ": 2048,
    "2kB": 2000,
    "1KB": 1000,
    "1Ti": 2**40,
    "0.5Ki": 512,
    "0.0001k": 0,
}
BAD_SIZES = [
    "",
    " ",
    "G",
    "-1",
    "1e9",
    "1 Zi",
    "one",
    "1Gi2",
    "1,5G",
    "0x10",
    "nan",
    "9" * 30,
    "9000000Ti",
    -1,
    2**63,
    True,
]
DURATIONS = {
    "1h": 3600,
    "90s": 90,
    "1h30m": 5400,
    "1h 30m": 5400,
    "250ms": 0.25,
    "2d": 172_800,
    "1w": 604_800,
    "1.5h": 5400,
    "5min": 300,
    "3sec": 3,
    "90": 90,
    " 90 ": 90,
    "0": 0,
    "1H": 3600,
}
BAD_DURATIONS = [
    "",
    " ",
    "h",
    "-5",
    "-5s",
    "1y",
    "1h!",
    "soon",
    "nan",
    "inf",
    "-inf",
    "1e400",
    "9" * 40,
    "99999999h",
    float("nan"),
    float("inf"),
    -0.001,
    True,
]


@pytest.mark.parametrize(("text", "size"), SIZES.items())
def test_sizes_as_people_write_them(text: str, size: int) -> None:
    assert parse_size(text, field="memory") == size


@given(st.integers(0, 2**63 - 1))
def test_a_plain_number_of_bytes_is_itself(size: int) -> None:
    assert parse_size(size, field="memory") == parse_size(str(size), field="memory") == size


@given(st.integers(0, 10_000), st.sampled_from(["Ki", "Mi", "Gi"]), st.sampled_from(["", "B"]))
def test_units_may_be_written_in_any_case(number: int, unit: str, byte: str) -> None:
    sizes = {
        parse_size(f"{number}{text}{byte}", field="memory")
        for text in (unit, unit.lower(), unit.upper())
    }
    assert sizes == {number * 1024 ** (("Ki", "Mi", "Gi").index(unit) + 1)}


@pytest.mark.parametrize("bad", BAD_SIZES)
def test_what_is_no_size_is_refused_with_an_example(bad: str | int) -> None:
    with pytest.raises(Invalid, match="'512MiB'") as caught:
        parse_size(bad, field="memory_bytes_limit")
    assert caught.value.field == "memory_bytes_limit"
    assert "memory_bytes_limit" in caught.value.message


@pytest.mark.parametrize(("text", "seconds"), DURATIONS.items())
def test_durations_as_people_write_them(text: str, seconds: float) -> None:
    assert parse_duration(text, field="idle") == pytest.approx(seconds)


@given(st.floats(0, 3.0e8))
def test_a_plain_number_of_seconds_is_itself(seconds: float) -> None:
    assert parse_duration(seconds, field="idle") == seconds


@given(st.integers(0, 999), st.integers(0, 59), st.integers(0, 59))
def test_parts_of_a_duration_add_up(hours: int, minutes: int, seconds: int) -> None:
    expected = hours * 3600 + minutes * 60 + seconds
    assert parse_duration(f"{hours}h{minutes}m{seconds}s", field="idle") == expected


@pytest.mark.parametrize("bad", BAD_DURATIONS)
def test_what_is_no_duration_is_refused_with_an_example(bad: str | float) -> None:
    with pytest.raises(Invalid, match="'1h30m'") as caught:
        parse_duration(bad, field="max_idle_duration")
    assert caught.value.field == "max_idle_duration"


@given(st.text(max_size=40))
def test_no_text_does_worse_than_being_refused(text: str) -> None:
    for parse in (parse_size, parse_duration):
        try:
            value = parse(text, field="x")
        except Invalid:
            continue
        assert value >= 0


def test_a_long_value_is_not_repeated_whole() -> None:
    for parse in (parse_size, parse_duration):
        with pytest.raises(Invalid) as caught:
            parse("x" * 100_000, field="x")
        assert len(caught.value.message) < 400
