"""Which image is to run a notebook: in a fixed order, and always with a reason."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kernelyard.model.errors import NoImageFits
from kernelyard.model.images import Image
from kernelyard.model.resolving import Hints, How, Question, decide, hints_of, image_called


def image(name: str, language: str = "python", version: str | None = None, **more: object) -> Image:
    return Image(
        name=name,
        reference=name if "/" in name else f"kernelspec/{name}",
        display_name=name,
        language=language,
        version=version,
        resources=(),
        problem=None,
        disabled=False,
        registered=False,
        **more,  # type: ignore[arg-type]
    )


PYTHON3 = image("python3", version="3.11.7", own=True)
OWN_TWIN = image("virtualenv/base", version="3.11.7", own=True)
OLD = image("conda/old", version="3.9.1")
NEW = image("conda/new", version="3.14.0")
R = image("ir", "R")
SPECIAL = image("another", version="3.11.7", own=True)
ALL = [NEW, OLD, R, SPECIAL, PYTHON3, OWN_TWIN]
EVERYTHING = Question(
    hints=Hints(kernel="ir", language="python", version="3.9.5"),
    remembered="conda/new",
    default="conda/old",
    default_source="/p/.kernelyard.toml",
)


def test_what_is_remembered_comes_before_the_directory_the_name_and_the_language() -> None:
    question = EVERYTHING
    decided = []
    for _ in range(4):
        decision = decide(ALL, question)
        decided.append((decision.image, decision.how))
        match decision.how:
            case How.REMEMBERED:
                question = replace(question, remembered=None)
            case How.DIRECTORY:
                assert "/p/.kernelyard.toml" in decision.because
                question = replace(question, default=None)
            case _:
                question = replace(question, hints=replace(question.hints, kernel=None))
    assert decided == [
        ("conda/new", How.REMEMBERED),
        ("conda/old", How.DIRECTORY),
        ("ir", How.NAME),
        ("conda/old", How.LANGUAGE),
    ]


def test_what_cannot_be_followed_is_passed_over_and_told() -> None:
    broken = replace(OLD, problem="install ipykernel.")
    disabled = replace(R, disabled=True)
    decision = decide([broken, disabled, PYTHON3], replace(EVERYTHING, remembered="gone"))
    assert (decision.image, decision.how) == ("python3", How.LANGUAGE)
    gone, default, named = decision.passed_over
    assert gone == "'gone' is not there, though it was chosen for this notebook before."
    assert "'conda/old' is not ready: install ipykernel, though" in default
    assert named == "'ir' is disabled, though the notebook names it."


@pytest.mark.parametrize(
    ("version", "chosen"),
    [
        ("3.9.5", "conda/old"),
        ("3.14.2", "conda/new"),
        ("3.11.0", "python3"),
        ("3.12.0", "python3"),
        ("3", "python3"),
        (None, "python3"),
    ],
)
def test_of_a_language_the_closest_version_is_chosen_and_then_our_own(
    version: str | None, chosen: str
) -> None:
    question = Question(hints=Hints(language="Python", version=version))
    decision = decide(ALL, question)
    assert (decision.image, decision.how) == (chosen, How.LANGUAGE)


def test_another_first_part_of_the_version_does_not_fit() -> None:
    with pytest.raises(NoImageFits, match=r"The notebook is in python 2\.7") as nothing:
        decide(ALL, Question(hints=Hints(language="python", version="2.7.18")))
    assert "conda/new (python 3.14.0)" in nothing.value.message


def test_one_image_of_the_language_is_enough_whatever_its_version() -> None:
    decision = decide(ALL, Question(hints=Hints(language="r", version="4.3.1")))
    assert (decision.image, decision.how) == ("ir", How.LANGUAGE)


def test_several_that_fit_equally_are_listed_and_none_is_guessed() -> None:
    twins = [image("conda/a", "julia"), image("conda/b", "julia")]
    with pytest.raises(NoImageFits, match=r"several images run that.*--image conda/a"):
        decide(twins, Question(hints=Hints(language="julia")))


def test_without_any_hint_the_only_image_that_is_ready_is_chosen() -> None:
    decision = decide([R, replace(PYTHON3, problem="gone")], Question())
    assert (decision.image, decision.how) == ("ir", How.ONLY)
    with pytest.raises(NoImageFits, match="does not say which language"):
        decide([R, image("j", "julia")], Question())


def test_a_notebook_that_says_nothing_is_taken_for_python_and_that_is_told() -> None:
    decision = decide(ALL, Question())
    assert (decision.image, decision.how) == ("python3", How.LANGUAGE)
    assert "taken for Python" in decision.passed_over[0]
    with pytest.raises(NoImageFits, match="'none' is not there"):
        decide(ALL, Question(hints=Hints(kernel="none")))


def test_the_only_image_does_not_run_another_language() -> None:
    with pytest.raises(NoImageFits, match="no image that is ready runs that"):
        decide([PYTHON3], Question(hints=Hints(language="cobol")))


def test_without_images_it_says_where_to_look() -> None:
    with pytest.raises(NoImageFits, match="'kernelyard images' says"):
        decide([], Question())


def test_many_candidates_are_not_all_named() -> None:
    many = [image(f"image-{n}", "julia") for n in range(40)]
    with pytest.raises(NoImageFits, match="and 28 more"):
        decide(many, Question(hints=Hints(language="julia")))


def test_a_kernelspec_may_be_named_with_its_provider() -> None:
    decision = decide(ALL, Question(hints=Hints(kernel="kernelspec/ir")))
    assert (decision.image, decision.how) == ("ir", How.NAME)


@pytest.mark.parametrize(
    ("metadata", "hints"),
    [
        ({}, Hints()),
        (None, Hints()),
        ({"kernelspec": "x", "language_info": [1]}, Hints()),
        ({"kernelspec": {"name": 1, "language": ""}}, Hints()),
        ({"kernelspec": {"name": "x" * 300}}, Hints()),
        ({"kernelspec": {"name": "ir", "language": "R"}}, Hints(kernel="ir", language="R")),
        (
            {"kernelspec": {"language": "x"}, "language_info": {"name": "R", "version": "4.3"}},
            Hints(language="R", version="4.3"),
        ),
    ],
)
def test_metadata_is_read_with_patience(metadata: object, hints: Hints) -> None:
    assert hints_of(metadata) == hints  # type: ignore[arg-type]


def test_python_is_the_python_that_kernelyard_runs_on() -> None:
    assert image_called([OWN_TWIN, *ALL], "python") == PYTHON3
    assert image_called([NEW, OWN_TWIN, SPECIAL], "python") == SPECIAL
    assert image_called([NEW, OLD, R], "python") is None
    assert image_called([replace(R, own=True)], "python") is None


def test_an_image_named_python_is_no_other() -> None:
    named = replace(NEW, name="python", registered=True)
    assert image_called([*ALL, named], "python") == named


def test_other_names_stand_for_themselves() -> None:
    assert image_called(ALL, "kernelspec/ir") == R
    assert image_called(ALL, "python3.11") is None
