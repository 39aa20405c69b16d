"""Which image is to run a notebook: asked here, decided by ``model.resolving``."""

from __future__ import annotations

from dataclasses import dataclass, field

from kernelyard.model.errors import Invalid, NoImageFits
from kernelyard.model.json import JsonObject
from kernelyard.model.kernels import checked_path
from kernelyard.model.principals import Principal, Scope
from kernelyard.model.resolving import Decision, How, Question, decide, hints_of
from kernelyard.ports.clock import Clock
from kernelyard.ports.named_stores import ChoiceStore
from kernelyard.yard.images import Images

_LONGEST_NAME = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class NotebookQuestion:
    """What a caller knows of a notebook."""

    metadata: JsonObject = field(default_factory=dict)
    path: str | None = None
    """Under which a choice is remembered."""
    image: str | None = None
    """An explicit choice."""
    default: str | None = None
    default_source: str | None = None
    remember: bool = False
    """Keep the explicit choice for this path."""
    forget: bool = False
    """Forget the choice that is kept for this path, first."""


class Resolving:
    """Chooses images for notebooks, and remembers what their users chose."""

    def __init__(self, images: Images, choices: ChoiceStore, clock: Clock) -> None:
        self._images = images
        self._choices = choices
        self._clock = clock

    async def resolve(self, who: Principal, asked: NotebookQuestion) -> Decision:
        """Return the image and why it is this one.

        Raises Invalid, NoImageFits, and ImageNotFound, ImageDisabled and ImageNotReady for an explicit
        choice that cannot be followed.
        """
        who.must(Scope.READ)
        _checked(asked)
        path = asked.path
        if asked.forget and path is not None:
            await self._choices.remove(who.name, path)
        if asked.image is not None:
            image = await self._images.usable(asked.image)
            because = "you chose it"
            if asked.remember and path is not None:
                await self._choices.put(who.name, path, image.name, self._clock.now())
                because = "you chose it; it is remembered for this notebook"
            return Decision(image=image.name, how=How.EXPLICIT, because=because)
        question = Question(
            hints=hints_of(asked.metadata),
            remembered=await self._choices.get(who.name, path) if path is not None else None,
            default=asked.default,
            default_source=asked.default_source,
        )
        listed = await self._images.list(who)
        try:
            decision = decide(listed.images, question)
        except NoImageFits:
            # Something may have been installed a moment ago.
            listed = await self._images.list(who, refresh=True)
            return decide(listed.images, question)
        return decision


def _checked(asked: NotebookQuestion) -> None:
    if asked.path is not None:
        checked_path(asked.path, field="path")
    elif asked.remember or asked.forget:
        raise Invalid("To remember or forget a choice takes the notebook's 'path'.", field="path")
    if asked.remember and asked.image is None:
        raise Invalid("To remember a choice takes the 'image' that is chosen.", field="image")
    for name, value in (("image", asked.image), ("default", asked.default)):
        if value is not None and not 0 < len(value) <= _LONGEST_NAME:
            raise Invalid(f"'{name}' must have 1 to {_LONGEST_NAME} characters.", field=name)
    if asked.default_source is not None:
        checked_path(asked.default_source, field="default_source")
