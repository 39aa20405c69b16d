"""Which image for this notebook: what is chosen is remembered, for each user and path."""

from __future__ import annotations

import pytest

from kernelyard.model.errors import ImageDisabled, ImageNotFound, Invalid, NoImageFits
from kernelyard.model.images import FoundImage, ImageChange
from kernelyard.model.resolving import Decision, How
from kernelyard.yard.resolving import NotebookQuestion

from tests.support.yard_house import ADMIN, ANN, BEN, YardHouse

PATH = "/data/report.ipynb"
PYTHON = {"kernelspec": {"name": "python3"}, "language_info": {"name": "python"}}


async def ask(house: YardHouse, who: object = ANN, **question: object) -> Decision:
    return await house.yard.resolving.resolve(who, NotebookQuestion(**question))  # type: ignore[arg-type]


async def test_the_name_in_the_notebook_decides(house: YardHouse) -> None:
    decision = await ask(house, metadata=PYTHON)
    assert (decision.image, decision.how) == ("python3", How.NAME)


async def test_an_explicit_choice_wins_and_is_remembered_only_if_that_is_asked(
    house: YardHouse,
) -> None:
    chosen = await ask(house, metadata=PYTHON, path=PATH, image="conda/science")
    assert (chosen.image, chosen.how) == ("conda/science", How.EXPLICIT)
    assert (await ask(house, metadata=PYTHON, path=PATH)).image == "python3"
    kept = await ask(house, metadata=PYTHON, path=PATH, image="conda/science", remember=True)
    assert "remembered" in kept.because
    again = await ask(house, metadata=PYTHON, path=PATH)
    assert (again.image, again.how) == ("conda/science", How.REMEMBERED)
    assert (await ask(house, metadata=PYTHON, path=PATH + "x")).image == "python3"
    assert (await ask(house, BEN, metadata=PYTHON, path=PATH)).image == "python3"
    forgotten = await ask(house, metadata=PYTHON, path=PATH, forget=True)
    assert (forgotten.image, forgotten.how) == ("python3", How.NAME)
    assert (await ask(house, metadata=PYTHON, path=PATH)).image == "python3"


async def test_an_explicit_choice_that_cannot_be_followed_is_an_error_and_not_remembered(
    house: YardHouse,
) -> None:
    with pytest.raises(ImageNotFound, match="Images here"):
        await ask(house, metadata=PYTHON, path=PATH, image="none", remember=True)
    await house.yard.images.update(ADMIN, "python3", ImageChange(disabled=True))
    with pytest.raises(ImageDisabled):
        await ask(house, path=PATH, image="python3", remember=True)
    decision = await ask(house, metadata=PYTHON, path=PATH, default="conda/science")
    assert (decision.image, decision.how) == ("conda/science", How.DIRECTORY)
    assert decision.passed_over == ()


async def test_a_choice_that_is_gone_is_passed_over_with_a_word(house: YardHouse) -> None:
    await ask(house, path=PATH, image="conda/science", remember=True)
    house.agent.find(*(one for one in house.agent.images if one.provider != "conda"))
    decision = await ask(house, metadata=PYTHON, path=PATH)
    assert (decision.image, decision.how) == ("python3", How.NAME)
    assert decision.passed_over[0].startswith("'conda/science' is not there")


async def test_when_nothing_fits_the_candidates_are_listed(house: YardHouse) -> None:
    with pytest.raises(NoImageFits, match=r"conda/science \(python 3\.11\)"):
        await ask(house, metadata={"language_info": {"name": "cobol"}})


async def test_it_looks_again_before_it_says_no(house: YardHouse) -> None:
    await house.yard.images.list(ANN)
    cobol = FoundImage(provider="kernelspec", name="cobol", display_name="C", language="cobol")
    house.agent.find(*house.agent.images, cobol)
    decision = await ask(house, metadata={"language_info": {"name": "cobol"}})
    assert decision.image == "cobol"


@pytest.mark.parametrize(
    ("question", "field"),
    [
        ({"remember": True, "image": "python3"}, "path"),
        ({"forget": True}, "path"),
        ({"remember": True, "path": PATH}, "image"),
        ({"path": ""}, "path"),
        ({"path": "a\0b"}, "path"),
        ({"path": "x" * 5000}, "path"),
        ({"image": ""}, "image"),
        ({"default": "x" * 300}, "default"),
        ({"default_source": "x" * 5000}, "default_source"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(
    house: YardHouse, question: dict[str, object], field: str
) -> None:
    with pytest.raises(Invalid) as wrong:
        await ask(house, **question)
    assert wrong.value.field == field
