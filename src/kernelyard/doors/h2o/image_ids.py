"""Which images this dialect can express, and under which ids.

An image that was made through this door has the id that it was given. The Python on which the server
itself runs is ``python``, unless somebody has made another of that id; every other image has its own
name, or an id made of it. What is deleted through this door is hidden from it: an image that was found
stays where it was found, and other doors have it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from kernelyard.doors.h2o.names import GLOBAL, name_of, parsed, shown_id
from kernelyard.doors.h2o.routing import Call
from kernelyard.model.errors import ImageNotFound
from kernelyard.model.images import Image
from kernelyard.model.resolving import HOME, home_image

COLLECTION = "kernelImages"
ID, TYPE, IMAGE, DELETED = "h2o.id", "h2o.type", "h2o.image", "h2o.deleted"
DISPLAY_NAME = "h2o.display-name"
PULL_POLICY, PULL_SECRETS = "h2o.pull-policy", "h2o.pull-secrets"
"""Labels of images."""


class ImageType(StrEnum):
    """What an image runs."""

    UNSPECIFIED = "TYPE_UNSPECIFIED"
    PYTHON = "TYPE_PYTHON"
    R = "TYPE_R"
    SPARK_PYTHON = "TYPE_SPARK_PYTHON"
    SPARK_R = "TYPE_SPARK_R"


LANGUAGES = {
    ImageType.PYTHON: "python",
    ImageType.R: "R",
    ImageType.SPARK_PYTHON: "python",
    ImageType.SPARK_R: "R",
}
"""What kernels of a type speak."""
_TYPES = {"python": ImageType.PYTHON, "r": ImageType.R}


@dataclass(frozen=True, slots=True)
class Known:
    """An image under an id."""

    id: str
    image: Image
    type: ImageType

    @property
    def name(self) -> str:
        """Its name in this dialect."""
        return name_of(GLOBAL, COLLECTION, self.id)

    @property
    def told(self) -> str:
        """What it is made of, as whoever made it has said it."""
        image = self.image
        return image.labels.get(IMAGE) or image.container or image.reference


def type_of_language(language: str) -> ImageType | None:
    """Return the type for a language; None if this dialect has none."""
    return _TYPES.get(language.casefold())


async def every(call: Call) -> list[Known]:
    """Return every image that this dialect can express."""
    return known((await call.yard.images.list(call.who)).images)


async def found(call: Call, id_: str) -> Known:
    """Return the image of an id. Raises ImageNotFound."""
    images = await every(call)
    for one in images:
        if one.id == id_:
            return one
    # The Python of the server answers to its own name, too.
    for one in images:
        if one.id == HOME and one.image.name == id_:
            return one
    raise ImageNotFound(
        f"There is no kernel image '{id_}'. List kernelImages of workspaces/global."
    )


async def named(call: Call, name: str) -> Known:
    """Return the image of a name such as ``workspaces/global/kernelImages/python``.

    Raises Invalid, ImageNotFound.
    """
    workspace, id_ = parsed(name, COLLECTION)
    if workspace != GLOBAL:
        raise ImageNotFound("Kernel images are in workspaces/global.")
    return await found(call, id_)


def known(images: Iterable[Image]) -> list[Known]:
    """Return those of ``images`` that this dialect can express, each id once."""
    shown = [image for image in images if DELETED not in image.labels]
    by_id: dict[str, Image] = {}
    placed: set[str] = set()

    def place(id_: str, image: Image) -> None:
        if image.name not in placed and by_id.setdefault(id_, image) is image:
            placed.add(image.name)

    # Ids that somebody has chosen come first, then names that are ids as they are.
    for image in shown:
        if (given := image.labels.get(ID)) is not None:
            place(given, image)
    home = home_image([image for image in shown if ID not in image.labels])
    if home is not None and not any(image.name == HOME for image in shown):
        place(HOME, home)
    for image in sorted(shown, key=lambda image: shown_id(image.name) != image.name):
        place(shown_id(image.name), image)
    return [one for id_, image in by_id.items() if (one := _expressed(id_, image)) is not None]


def _expressed(id_: str, image: Image) -> Known | None:
    said = image.labels.get(TYPE)
    kind = ImageType(said) if said is not None else type_of_language(image.language)
    if kind is None or (image.problem and not image.registered):
        return None
    return Known(id_, image, kind)
