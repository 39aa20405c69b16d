"""Ids and names can stand in a path, a file name and a label without harm."""

from __future__ import annotations

import uuid
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.model import ids
from kernelyard.model.errors import Invalid


@given(st.uuids())
def test_every_uuid_in_its_usual_form_is_one(value: uuid.UUID) -> None:
    assert ids.is_uuid(str(value))


@given(st.uuids(), st.sampled_from(["{}\n", " {}", "{}/..", "../{}", "urn:uuid:{}", "{{{}}}"]))
def test_a_uuid_with_something_around_it_is_none(value: uuid.UUID, form: str) -> None:
    assert not ids.is_uuid(form.format(value))


@pytest.mark.parametrize("bad", ["", "..", "a" * 36, "0" * 32, str(uuid.uuid4()).upper() + "A"])
def test_other_texts_are_no_uuid(bad: str) -> None:
    assert not ids.is_uuid(bad)


@pytest.mark.parametrize(
    "name", ["a", "python3", "my-python:3", "A.b_c-9", "conda-env_x:1.2.3", "a" * 128]
)
def test_usual_names_are_taken(name: str) -> None:
    assert ids.checked_name(name, field="name") == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "/a", "a\\b", "-a", "a-", ".a", "a..b", "a b", "a\n", "ä", "a" * 129],
)
def test_names_that_could_lead_astray_are_refused(name: str) -> None:
    with pytest.raises(Invalid, match="'image'") as caught:
        ids.checked_name(name, field="image")
    assert caught.value.field == "image"


@given(st.text(max_size=150))
def test_a_name_that_is_taken_is_one_part_of_a_path(name: str) -> None:
    try:
        taken = ids.checked_name(name, field="name")
    except Invalid:
        return
    assert PurePosixPath("/x", taken).parent == PurePosixPath("/x")
    assert taken.isascii()


@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True),
        st.text(st.characters(exclude_characters="\0"), max_size=50),
        max_size=20,
    )
)
def test_an_environment_that_a_process_can_have_is_taken(environment: dict[str, str]) -> None:
    assert ids.checked_environment(environment, field="environment") == environment


@pytest.mark.parametrize(
    "environment",
    [
        {"": "x"},
        {"1A": "x"},
        {"A=B": "x"},
        {"A B": "x"},
        {"A": "x\0y"},
        {"A": "x" * (ids.ENVIRONMENT_LENGTH + 1)},
        {f"A{n}": "" for n in range(ids.ENVIRONMENT_COUNT + 1)},
    ],
)
def test_an_environment_that_no_process_can_have_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(Invalid, match="'environment'"):
        ids.checked_environment(environment, field="environment")


def test_the_value_of_a_variable_is_not_repeated_in_an_error() -> None:
    with pytest.raises(Invalid) as caught:
        ids.checked_environment({"TOKEN": "secret\0"}, field="environment")
    assert "secret" not in caught.value.message


def test_usual_labels_are_taken() -> None:
    labels = {"team": "blue", "app.example/part": "", "a" * 128: "x" * ids.LABEL_LENGTH}
    assert ids.checked_labels(labels) == labels


@pytest.mark.parametrize(
    "labels",
    [
        {"": "x"},
        {"-a": "x"},
        {"a=b": "x"},
        {"a\n": "x"},
        {"a" * 129: "x"},
        {"a": "x" * (ids.LABEL_LENGTH + 1)},
        {f"a{n}": "" for n in range(ids.LABEL_COUNT + 1)},
    ],
)
def test_labels_that_are_many_long_or_ill_named_are_refused(labels: dict[str, str]) -> None:
    with pytest.raises(Invalid, match="'labels'"):
        ids.checked_labels(labels)
