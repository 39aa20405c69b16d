"""Every error has a code of its own, a sentence that says what to do, and two texts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from kernelyard.model import errors
from kernelyard.model.errors import Invalid, YardError


def tree(kind: type[YardError]) -> Iterator[type[YardError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from tree(child)


def every() -> list[type[YardError]]:
    return [kind for kind in tree(YardError) if kind.__module__ == errors.__name__]


def test_no_two_errors_share_a_code() -> None:
    codes = [kind.code for kind in every()]
    assert len(codes) == len(set(codes))
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", code) for code in codes)


@pytest.mark.parametrize("kind", every())
def test_an_error_speaks_in_sentences_without_being_told(kind: type[YardError]) -> None:
    message = kind().message
    assert re.fullmatch(r"[A-Z].*\.", message)
    assert str(kind()) == message


def test_the_drawing_of_the_tree_names_every_error() -> None:
    drawn = set(re.findall(r"[A-Z][A-Za-z]+", (errors.__doc__ or "").split("A class has")[0]))
    assert {kind.__name__ for kind in every()} <= drawn


def test_what_is_for_logs_is_not_in_what_is_shown() -> None:
    error = Invalid("Send less.", field="code", detail="secret")
    assert (error.message, error.field, error.detail) == ("Send less.", "code", "secret")
    assert "secret" not in str(error)
