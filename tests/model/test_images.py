"""Images as users see them: what providers found, united with what administrators said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernelyard.model.images import (
    FoundImage,
    ImageRecord,
    merge_images,
    name_of,
    split_reference,
)


def a_found(
    name: str = "python3", provider: str = "kernelspec", problem: str | None = None
) -> FoundImage:
    return FoundImage(
        provider=provider,
        name=name,
        display_name=name.title(),
        language="python",
        version="3.13.1",
        resources=("logo-64x64.png",),
        problem=problem,
    )


def test_a_found_image_is_seen_as_it_was_found() -> None:
    (image,) = merge_images([a_found()], [])
    assert (image.name, image.reference) == ("python3", "kernelspec/python3")
    assert (image.display_name, image.language, image.version) == ("Python3", "python", "3.13.1")
    assert image.resources == ("logo-64x64.png",)
    assert (image.problem, image.disabled, image.registered) == (None, False, False)


def test_images_of_other_providers_are_named_with_their_provider() -> None:
    (image,) = merge_images([a_found("science", "conda")], [])
    assert (image.name, image.reference) == ("conda/science", "conda/science")


def test_a_registered_name_stands_beside_the_image_it_stands_for() -> None:
    record = ImageRecord(
        name="my-python:3", reference="kernelspec/python3", display_name="My Python"
    )
    alias, found = merge_images([a_found()], [record])
    assert (alias.name, alias.reference) == ("my-python:3", "kernelspec/python3")
    assert (alias.display_name, alias.language, alias.registered) == ("My Python", "python", True)
    assert (found.name, found.display_name, found.registered) == ("python3", "Python3", False)


def test_a_registered_name_shares_the_problem_of_its_image() -> None:
    record = ImageRecord(name="alias", reference="kernelspec/python3")
    assert {i.problem for i in merge_images([a_found(problem="broken")], [record])} == {"broken"}


def test_a_registered_name_whose_image_is_gone_says_what_to_do() -> None:
    (image,) = merge_images([], [ImageRecord(name="old", reference="conda/old")])
    assert image.problem is not None
    assert "'conda/old'" in image.problem
    assert (image.language, image.resources, image.registered) == ("", (), True)


def test_a_found_image_can_be_disabled_and_renamed_for_display() -> None:
    record = ImageRecord(
        name="python3", reference="kernelspec/python3", disabled=True, display_name="Old"
    )
    (image,) = merge_images([a_found()], [record])
    assert (image.disabled, image.registered, image.display_name) == (True, False, "Old")


def test_a_disabled_image_does_not_disable_its_other_names() -> None:
    records = [
        ImageRecord(name="python3", reference="kernelspec/python3", disabled=True),
        ImageRecord(name="alias", reference="kernelspec/python3"),
    ]
    alias, found = merge_images([a_found()], records)
    assert (alias.disabled, found.disabled) == (False, True)


def test_a_registered_name_is_not_taken_over_by_an_image_found_later() -> None:
    record = ImageRecord(name="stable", reference="kernelspec/python3")
    images = merge_images([a_found("python3"), a_found("stable")], [record])
    stable = next(image for image in images if image.name == "stable")
    assert (stable.reference, stable.display_name) == ("kernelspec/python3", "Python3")
    assert stable.registered


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("python3", ("kernelspec", "python3")),
        ("kernelspec/python3", ("kernelspec", "python3")),
        ("conda/science", ("conda", "science")),
        ("docker/registry/image:1", ("docker", "registry/image:1")),
    ],
)
def test_a_reference_without_provider_is_a_kernelspec(
    reference: str, parts: tuple[str, str]
) -> None:
    assert split_reference(reference) == parts


NAMES = st.sampled_from(["a", "b", "c"])
FOUND = st.lists(
    st.builds(a_found, NAMES, st.sampled_from(["kernelspec", "conda"])),
    unique_by=lambda image: image.reference,
)
RECORDS = st.lists(
    st.builds(
        ImageRecord,
        name=st.sampled_from(["a", "b", "x", "y"]),
        reference=st.sampled_from(["kernelspec/a", "conda/a", "conda/none"]),
        disabled=st.booleans(),
    ),
    unique_by=lambda record: record.name,
)


@given(FOUND, RECORDS)
def test_every_found_and_every_registered_name_is_there_once_sorted(
    found: list[FoundImage], records: list[ImageRecord]
) -> None:
    names = [image.name for image in merge_images(found, records)]
    assert names == sorted({name_of(one) for one in found} | {record.name for record in records})


@given(FOUND, RECORDS)
def test_an_image_is_what_its_reference_says(
    found: list[FoundImage], records: list[ImageRecord]
) -> None:
    known = {one.reference for one in found}
    for image in merge_images(found, records):
        assert (image.problem is None) == (image.reference in known)


@given(FOUND, RECORDS)
def test_the_order_of_what_is_found_does_not_matter(
    found: list[FoundImage], records: list[ImageRecord]
) -> None:
    assert merge_images(found, records) == merge_images(found[::-1], records[::-1])
