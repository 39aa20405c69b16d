"""What agents see of images, one time after the other, and what has changed in between."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from kernelyard.model.images import FoundImage, name_of, split_reference
from kernelyard.model.quantities import Micros

Mark = Mapping[str, object]
"""What is remembered of an image: whatever users would notice when it changes."""


class ImageState(StrEnum):
    """What has happened to an image."""

    FOUND = "found"
    READY = "ready"
    """It was there and could start no kernel; now it can."""
    NOT_READY = "not_ready"
    CHANGED = "changed"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """All images at one moment. Sightings of one agent are in the order of their versions."""

    began: Micros
    """When the agent was started."""
    version: int
    at: Micros
    images: Mapping[str, Mark]
    """By the names that users say."""
    unknown: frozenset[str] = frozenset()
    """Providers of which nobody knows what they have; their images are taken to be as before."""

    @property
    def order(self) -> tuple[Micros, int]:
        return (self.began, self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageChange:
    """One thing that has happened to one image."""

    image: str
    state: ImageState
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """What is kept of the last sighting; nothing was seen yet if ``images`` is None."""

    began: Micros = 0
    version: int = 0
    images: Mapping[str, Mark] | None = None
    unknown: frozenset[str] = frozenset()
    """Providers of which nobody knew then what they had."""


def sighting_of(
    images: Iterable[FoundImage],
    unknown: Iterable[str],
    *,
    began: Micros,
    version: int,
    at: Micros,
) -> Sighting:
    """Return what is remembered of a list of images."""
    marks = {name_of(image): _mark(image) for image in images}
    return Sighting(began=began, version=version, at=at, images=marks, unknown=frozenset(unknown))


def seen_then(before: Seen, sighting: Sighting) -> tuple[Seen, list[ImageChange]] | None:
    """Return what is to be kept and told of a sighting; None of one that is not newer.

    The first of all is only kept, and so is the first list of a provider that did not answer before:
    to a new server nothing is new.
    """
    if before.images is not None and sighting.order <= (before.began, before.version):
        return None
    kept = {
        name: mark
        for name, mark in (before.images or {}).items()
        if split_reference(name)[0] in sighting.unknown
    }
    now = {**kept, **sighting.images}
    known = {split_reference(name)[0] for name in before.images or {}}
    new = before.unknown - known
    changes = [] if before.images is None else _changes(before.images, now)
    told = [
        one
        for one in changes
        if one.state is not ImageState.FOUND or split_reference(one.image)[0] not in new
    ]
    return Seen(sighting.began, sighting.version, now, sighting.unknown), told


def _changes(before: Mapping[str, Mark], now: Mapping[str, Mark]) -> list[ImageChange]:
    changes: list[ImageChange] = []
    for name in sorted(before.keys() | now.keys()):
        old, new = before.get(name), now.get(name)
        if old is None and new is not None:
            changes.append(_change(name, ImageState.FOUND, new))
        elif new is None:
            reason = "it is not installed any more where kernels run"
            changes.append(ImageChange(image=name, state=ImageState.GONE, reason=reason))
        elif old is not None and old != new:
            changes.append(_changed(name, old, new))
    return changes


def _changed(name: str, old: Mark, new: Mark) -> ImageChange:
    was, is_now = old.get("problem"), new.get("problem")
    if bool(was) != bool(is_now):
        return _change(name, ImageState.NOT_READY if is_now else ImageState.READY, new)
    what = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    words = ", ".join(key.replace("_", " ") for key in what)
    return ImageChange(image=name, state=ImageState.CHANGED, reason=f"another {words}")


def _change(name: str, state: ImageState, mark: Mark) -> ImageChange:
    problem = mark.get("problem")
    return ImageChange(image=name, state=state, reason=str(problem) if problem else None)


def _mark(image: FoundImage) -> dict[str, object]:
    return {
        "display_name": image.display_name,
        "language": image.language,
        "version": image.version,
        "problem": image.problem,
        "parameters": image.parameters,
    }
