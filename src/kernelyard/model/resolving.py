"""Which image is to run a notebook, and why: one decision, made from what everybody has said.

In this order: somebody's explicit choice, the choice that is remembered for the notebook's path, the
default of its directory, the kernel that the notebook names, its language with the version, the only
candidate. What would have decided and cannot is told as passed over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from kernelyard.model.errors import NoImageFits
from kernelyard.model.images import DEFAULT_PROVIDER, Image
from kernelyard.model.json import JsonValue

LONGEST_HINT = 256
UNSAID = "python"
"""The language of a notebook that says nothing, for other tools and so for its author."""
NATIVE = "python3"
"""What Jupyter calls the kernel of the interpreter that it runs on."""
HOME = "python"
"""What stands for the Python that kernelyard itself runs on, unless an image has this name."""
_MOST_TOLD = 12


class How(StrEnum):
    """What decided."""

    EXPLICIT = "explicit"
    REMEMBERED = "remembered"
    DIRECTORY = "directory"
    NAME = "name"
    LANGUAGE = "language"
    ONLY = "only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What a notebook's metadata says about its kernel."""

    kernel: str | None = None
    language: str | None = None
    version: str | None = None
    """Of the language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """All that there is to go by, without an explicit choice."""

    hints: Hints = Hints()
    remembered: str | None = None
    default: str | None = None
    """What the notebook's directory wants."""
    default_source: str | None = None
    """Where that is written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The image, and why it is this one."""

    image: str
    how: How
    because: str
    passed_over: tuple[str, ...] = ()
    """What comes earlier in the order and could not be followed, a sentence each."""


def hints_of(metadata: JsonValue) -> Hints:
    """Read a notebook's metadata; what is no text of moderate length is passed over."""
    kernelspec = _object(metadata, "kernelspec")
    language_info = _object(metadata, "language_info")
    return Hints(
        kernel=_text(kernelspec, "name"),
        language=_text(language_info, "name") or _text(kernelspec, "language"),
        version=_text(language_info, "version"),
    )


def decide(images: Sequence[Image], question: Question) -> Decision:
    """Return the image for a notebook. Raises NoImageFits, which lists what could be chosen."""
    passed: list[str] = []
    hints = question.hints
    source = question.default_source or "The directory's default"
    for name, how, because in (
        (question.remembered, How.REMEMBERED, "it was chosen for this notebook before"),
        (question.default, How.DIRECTORY, f"{source} says so"),
        (hints.kernel, How.NAME, "the notebook names it"),
    ):
        if name is None:
            continue
        image = find_image(images, name)
        if image is not None and image.ready:
            return _decision(image.name, how, because, passed)
        passed.append(f"'{name}' is {_not_usable(image)}, though {because}.")
    usable = [image for image in images if image.ready]
    if hints.language is not None:
        return _by_language(usable, hints, passed)
    if len(usable) == 1:
        return _decision(usable[0].name, How.ONLY, "it is the only image that is ready", passed)
    if hints.kernel is None and _speakers(usable, UNSAID):
        passed.append(
            "The notebook does not say which language it is in; that is taken for Python."
        )
        return _by_language(usable, Hints(language=UNSAID), passed)
    raise _nothing("The notebook does not say which language it is in.", usable, passed)


def find_image(images: Sequence[Image], name: str) -> Image | None:
    """Return the image of a name; one of the kernelspec provider may be named with or without it."""
    wanted = {name, name.removeprefix(f"{DEFAULT_PROVIDER}/")}
    return next((image for image in images if image.name in wanted), None)


def image_called(images: Sequence[Image], name: str) -> Image | None:
    """As ``find_image``; ``python`` is, unless an image is named so, kernelyard's own Python."""
    image = find_image(images, name)
    return home_image(images) if image is None and name == HOME else image


def home_image(images: Sequence[Image]) -> Image | None:
    """Return the image of the Python that kernelyard itself runs on, if there is one."""
    own = [image for image in images if image.own and image.language.casefold() == UNSAID]
    return min(own, key=_nativeness, default=None)


def candidates_told(images: Sequence[Image]) -> str:
    """Name images for somebody who is to choose."""
    told = [
        f"{image.name} ({' '.join(filter(None, (image.language, image.version)))})"
        if image.language
        else image.name
        for image in images
    ]
    more = f" and {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else ""
    return ", ".join(told[:_MOST_TOLD]) + more


def _by_language(usable: Sequence[Image], hints: Hints, passed: list[str]) -> Decision:
    language = hints.language or ""
    words = f"{language} {hints.version}" if hints.version else language
    speakers = _speakers(usable, language)
    fitting = [image for image in speakers if _closeness(image.version, hints.version) is not None]
    if not fitting:
        problem = f"The notebook is in {words}, and no image that is ready runs that."
        raise _nothing(problem, speakers or usable, passed)
    if len(fitting) == 1:
        because = f"it is the only one that runs the notebook's language, {words}"
        return _decision(fitting[0].name, How.LANGUAGE, because, passed)
    closest = max(_closeness(image.version, hints.version) or 0 for image in fitting)
    best = [i for i in fitting if (_closeness(i.version, hints.version) or 0) == closest]
    if len(best) == 1:
        because = f"of those that run the notebook's language it is the closest to {words}"
        return _decision(best[0].name, How.LANGUAGE, because, passed)
    own = min((image for image in best if image.own), key=_nativeness, default=None)
    if own is not None:
        because = f"it runs {language} on the interpreter that kernelyard itself runs on"
        return _decision(own.name, How.LANGUAGE, because, passed)
    raise _nothing(f"The notebook is in {words}, and several images run that.", best, passed)


def _speakers(usable: Sequence[Image], language: str) -> list[Image]:
    return [image for image in usable if image.language.casefold() == language.casefold()]


def _nativeness(image: Image) -> tuple[bool, bool, bool, str]:
    """Least for the one to choose where several stand for one interpreter: kernelspec, environment."""
    return image.registered, image.name != NATIVE, "/" in image.name, image.name


def _closeness(version: str | None, wanted: str | None) -> int | None:
    """How well a version fits: 0 unknown, 1 the same first part, 2 the first two; None not at all."""
    if not version or not wanted:
        return 0
    has, asked = version.split(".")[:2], wanted.split(".")[:2]
    if has[0] != asked[0]:
        return None
    return 2 if has == asked else 1


def _not_usable(image: Image | None) -> str:
    if image is None:
        return "not there"
    return "disabled" if image.disabled else f"not ready: {(image.problem or '').rstrip('.')}"


def _decision(image: str, how: How, because: str, passed: list[str]) -> Decision:
    return Decision(image=image, how=how, because=because, passed_over=tuple(passed))


def _nothing(problem: str, candidates: Sequence[Image], passed: list[str]) -> NoImageFits:
    if candidates:
        choice = f"Choose an image yourself, such as --image {candidates[0].name}; there are: "
        choice += f"{candidates_told(candidates)}."
    else:
        choice = "No image is ready. 'kernelyard images' says what mends that."
    return NoImageFits(" ".join([*passed, problem, choice]))


def _object(value: JsonValue, key: str) -> JsonValue:
    return value.get(key) if isinstance(value, dict) else None


def _text(value: JsonValue, key: str) -> str | None:
    found = _object(value, key)
    return found if isinstance(found, str) and 0 < len(found) <= LONGEST_HINT else None
