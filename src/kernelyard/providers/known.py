"""What a provider has answered: what can be used of it, and what is wrong with the rest."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field, replace

import msgspec

from kernelyard.model.errors import Invalid
from kernelyard.model.ids import checked_name
from kernelyard.model.images import FoundImage
from kernelyard.providers.parameters import BadSchema, Schema, offered, schema_of, why_hidden
from kernelyard.providers.provider import Provider
from kernelyard.providers.watched import Watched, watched_by
from kernelyard.wire.link import HiddenImage

MOST_IMAGES = 5000
"""Of one provider."""
LARGEST_IMAGE = 256 * 1024
"""Bytes of what a provider says about one."""
_MOST_PROBLEMS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One list that a provider has made."""

    images: tuple[FoundImage, ...]
    """As users see them."""
    declared: dict[str, Schema]
    """The schemas of launch parameters as the provider says them, by the names of images."""
    misdeclared: dict[str, str]
    """Images whose schema is none, and what is wrong with it."""
    hidden: tuple[HiddenImage, ...]
    problems: tuple[str, ...]
    watched: frozenset[Watched] = frozenset()
    at: int = field(default_factory=lambda: time.time_ns() // 1000)

    def shows_the_same(self, other: Known | None) -> bool:
        """Whether there is nothing new to tell."""
        return other is not None and (self.images, self.hidden, self.problems) == (
            other.images,
            other.hidden,
            other.problems,
        )


def known_of(provider: Provider, name: str, *, allow_insecure: bool) -> Known:
    """Ask a provider, in its own thread. Raises whatever its ``find`` raises."""
    found: object = provider.find()
    watched: frozenset[Watched] = frozenset()
    with suppress(Exception):
        watched = watched_by(provider.watched())
    sorting = _Sorting(name, allow_insecure)
    if not isinstance(found, list):
        sorting.problems.append("Its find() returns no list. Tell its author.")
        found = []
    if len(found) > MOST_IMAGES:
        sorting.problems.append(f"Its find() lists more than {MOST_IMAGES} images.")
    for image in found[:MOST_IMAGES]:
        sorting.take(image)
    return Known(
        images=tuple(sorting.good.values()),
        declared=sorting.declared,
        misdeclared=sorting.misdeclared,
        hidden=tuple(sorting.hidden),
        problems=tuple(sorting.problems[:_MOST_PROBLEMS]),
        watched=watched,
    )


@dataclass(slots=True)
class _Sorting:
    """Takes one image after the other."""

    provider: str
    allow_insecure: bool
    good: dict[str, FoundImage] = field(default_factory=dict)
    declared: dict[str, Schema] = field(default_factory=dict)
    misdeclared: dict[str, str] = field(default_factory=dict)
    hidden: list[HiddenImage] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def take(self, image: object) -> None:
        """Keep it, or note what is wrong with it."""
        if not isinstance(image, FoundImage):
            self.problems.append(f"Its find() lists {str(image)[:80]!r}, which is no FoundImage.")
            return
        schema: Schema = {}
        wrong: str | None = None
        try:
            schema = schema_of(image.parameters)
        except BadSchema as error:
            wrong = f"It cannot be started, for {error}. Mend its declaration."
        plain = _plain(replace(image, provider=self.provider, parameters={}))
        if isinstance(plain, str):
            self.problems.append(plain)
        elif plain.name in self.good or plain.name in self.declared:
            self.problems.append(f"Its find() lists {plain.name!r} twice; the second is left out.")
        else:
            if wrong is not None:
                self.misdeclared[plain.name] = wrong
            self._keep(replace(plain, problem=plain.problem or wrong), schema)

    def _keep(self, image: FoundImage, schema: Schema) -> None:
        self.declared[image.name] = schema
        reason = None if self.allow_insecure else why_hidden(schema)
        if reason is None:
            shown = offered(schema, allow_insecure=self.allow_insecure)
            self.good[image.name] = replace(image, parameters=shown)
        else:
            self.hidden.append(HiddenImage(image.reference, reason))


def _plain(image: FoundImage) -> FoundImage | str:
    """The image as it will travel over the link, or why it cannot."""
    try:
        data = msgspec.json.encode(image)
        plain = msgspec.json.decode(data, type=FoundImage)
        checked_name(plain.name, field="name")
    except Invalid:
        return f"Its image {image.name[:80]!r} cannot be named so and is left out."
    except Exception as error:  # noqa: BLE001 - a stranger's data may be anything
        return f"Its image {str(image.name)[:80]!r} is not what a FoundImage may be: {str(error)[:200]}."
    if len(data) > LARGEST_IMAGE:
        return (
            f"Its image {plain.name!r} says more than {LARGEST_IMAGE // 1024} KiB and is left out."
        )
    return plain
