"""A page's cursor comes back as it went, and nothing else passes for one."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.model.errors import CursorMalformed, Invalid
from kernelyard.model.paging import DEFAULT_PAGE, LARGEST_PAGE
from kernelyard.model.paging import checked_limit as limit
from kernelyard.model.paging import decode_cursor as decode
from kernelyard.model.paging import decode_name_cursor as decode_name
from kernelyard.model.paging import encode_cursor as encode
from kernelyard.model.paging import encode_name_cursor as encode_name


@given(st.integers(0, 10**18 - 1))
def test_a_cursor_comes_back_as_it_went(number: int) -> None:
    text = encode(number)
    assert decode(text) == number
    assert text.replace("-", "").replace("_", "").isalnum()


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,60}", fullmatch=True))
def test_a_cursor_of_names_comes_back_as_it_went(name: str) -> None:
    assert decode_name(encode_name(name)) == name


@pytest.mark.parametrize("nothing", [None, ""])
def test_no_cursor_means_the_beginning(nothing: str | None) -> None:
    assert decode(nothing) is None


def _plain(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "bad",
    [
        "7",
        "abc",
        "!!!!",
        "%00",
        "ä",
        "a" * 10_000,
        _plain("7"),
        _plain("k"),
        _plain("k-7"),
        _plain("k 7"),
        _plain("k7.0"),
        _plain("k²"),
        _plain("k٣"),
        _plain("k" + "9" * 19),
        _plain("k" + "9" * 40),
    ],
)
def test_what_we_did_not_make_is_no_cursor(bad: str) -> None:
    with pytest.raises(CursorMalformed) as caught:
        decode(bad)
    assert caught.value.field == "cursor"


@given(st.text(max_size=30))
def test_no_text_does_worse_than_being_malformed(text: str) -> None:
    try:
        number = decode(text)
    except CursorMalformed:
        return
    assert number is None or number >= 0


@given(st.integers(1, LARGEST_PAGE))
def test_page_sizes_in_range_are_taken(size: int) -> None:
    assert limit(size) == size


@pytest.mark.parametrize("size", [0, -1, LARGEST_PAGE + 1])
def test_page_sizes_out_of_range_are_refused(size: int) -> None:
    with pytest.raises(Invalid, match=f"between 1 and {LARGEST_PAGE}"):
        limit(size)


def test_a_page_has_a_usual_size() -> None:
    assert limit(None) == DEFAULT_PAGE
    assert limit(None, largest=10) == 10
