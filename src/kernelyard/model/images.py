"""Images: what a kernel can be started from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from kernelyard.model.errors import Invalid
from kernelyard.model.quantities import Micros

DEFAULT_PROVIDER = "kernelspec"
CONTAINERS = "container"
"""What stands in a reference in the provider's place where the image is a container image."""
LONGEST_REFERENCE = 1000
_NO_CONTAINERS = "Where kernels run, nothing can start containers. Register it from one of the images that 'kernelyard images' lists, or wait for an engine that runs containers."


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundImage:
    """What a provider found on the agent's machine."""

    provider: str
    name: str
    display_name: str
    language: str
    version: str | None = None
    """Version of the language or kernel where the provider knows it."""
    interrupt_mode: Literal["signal", "message"] = "signal"
    resources: tuple[str, ...] = ()
    """File names that can be fetched, such as ``logo-64x64.png``."""
    problem: str | None = None
    """Why it cannot start a kernel now and what mends that; None when it can."""
    metadata: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, object] = field(default_factory=dict)
    """JSON Schema of the values that a launch may be given (JEP 87); empty if it takes none."""
    own: bool = False
    """Whether it runs on the interpreter that the agent itself runs on."""
    start: Literal["fork", "exec"] = "exec"
    """How a kernel of it is started now, with a template that has nothing to say about it."""
    start_reason: str = ""
    """Why it is not forked."""

    @property
    def reference(self) -> str:
        return f"{self.provider}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRecord:
    """What an administrator said about an image: a registered name, or a found one disabled."""

    name: str
    reference: str
    """``provider/name`` of the found image it stands for."""
    display_name: str | None = None
    disabled: bool = False
    language: str = ""
    """Of a container image, which no provider looks into."""
    labels: dict[str, str] = field(default_factory=dict)
    """What doors note for themselves."""
    created_at: Micros = 0
    updated_at: Micros = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageChange:
    """What an administrator says about an image from now on; None leaves it as it is."""

    display_name: str | None = None
    disabled: bool | None = None
    reference: str | None = None
    """What it stands for instead."""
    language: str | None = None
    labels: dict[str, str] | None = None

    def made_to(self, record: ImageRecord, at: Micros) -> ImageRecord:
        """Return the record as it is then."""
        return replace(
            record,
            display_name=record.display_name if self.display_name is None else self.display_name,
            disabled=record.disabled if self.disabled is None else self.disabled,
            reference=record.reference if self.reference is None else self.reference,
            language=record.language if self.language is None else self.language,
            labels=record.labels if self.labels is None else self.labels,
            updated_at=at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image as users see it: found, registered, or both."""

    name: str
    reference: str
    display_name: str
    language: str
    version: str | None
    resources: tuple[str, ...]
    problem: str | None
    disabled: bool
    registered: bool
    """Whether an administrator gave it this name; False for names that a provider found."""
    parameters: dict[str, object] = field(default_factory=dict)
    """JSON Schema of the values that a kernel may be made with; empty if it takes none."""
    own: bool = False
    """Whether it runs on the interpreter that the agent itself runs on."""
    start: Literal["fork", "exec"] = "exec"
    """How a kernel of it is started now, with a template that has nothing to say about it."""
    start_reason: str = ""
    """Why it is not forked."""
    labels: dict[str, str] = field(default_factory=dict)
    """What doors note for themselves."""
    created_at: Micros = 0
    """When an administrator first said something about it; 0 if none has."""
    updated_at: Micros = 0

    @property
    def container(self) -> str | None:
        """The reference of a container image; None for every other."""
        provider, name = split_reference(self.reference)
        return name if provider == CONTAINERS else None

    @property
    def ready(self) -> bool:
        """Whether a kernel can be started from it now."""
        return self.problem is None and not self.disabled


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSnapshot:
    """What a kernel remembers of its image."""

    name: str
    reference: str
    display_name: str
    language: str


def container_reference(text: str, *, field: str) -> str:
    """Return the reference of a container image such as ``docker.io/library/python:3``.

    Whether there is one is for whoever starts it to say. Raises Invalid if it cannot be kept as one.
    """
    if not text.strip() or not text.isprintable() or len(text) > LONGEST_REFERENCE:
        raise Invalid(
            f"'{field}' must be the name of an image or the reference of a container image: at most "
            f"{LONGEST_REFERENCE} printable characters.",
            field=field,
        )
    return f"{CONTAINERS}/{text}"


def split_reference(reference: str) -> tuple[str, str]:
    """Return provider and name; a bare name belongs to the kernelspec provider."""
    provider, slash, name = reference.partition("/")
    return (provider, name) if slash else (DEFAULT_PROVIDER, reference)


def name_of(found: FoundImage) -> str:
    """The name users say: bare for kernelspecs, ``provider/name`` for every other provider."""
    return found.name if found.provider == DEFAULT_PROVIDER else found.reference


def merge_images(found: list[FoundImage], records: list[ImageRecord]) -> list[Image]:
    """Unite what providers found with what administrators said, sorted by name.

    A name that an administrator gave to one image hides another that is found under it later.
    """
    by_reference = {image.reference: image for image in found}
    said = {record.name: record for record in records}
    images = [
        _merged(name_of(one), one, record, False)
        for one in found
        if (record := said.get(name_of(one))) is None or record.reference == one.reference
    ]
    names = {image.name for image in images}
    for record in records:
        if record.name not in names:
            images.append(_merged(record.name, by_reference.get(record.reference), record, True))
    return sorted(images, key=lambda image: image.name)


def _merged(
    name: str, found: FoundImage | None, record: ImageRecord | None, registered: bool
) -> Image:
    reference = record.reference if record else found.reference if found else name
    display = (record.display_name if record else None) or (found.display_name if found else name)
    language, problem = (record.language if record else ""), _NO_CONTAINERS
    if not reference.startswith(f"{CONTAINERS}/"):
        problem = f"Nothing named {reference!r} is installed where kernels run. Install it, or register the image again from one that is."
    return Image(
        name=name,
        reference=reference,
        display_name=display,
        language=found.language if found else language,
        version=found.version if found else None,
        resources=found.resources if found else (),
        problem=found.problem if found else problem,
        disabled=record.disabled if record else False,
        registered=registered,
        parameters=found.parameters if found else {},
        own=found.own if found else False,
        start=found.start if found else "exec",
        start_reason=found.start_reason if found else "",
        labels=record.labels if record else {},
        created_at=record.created_at if record else 0,
        updated_at=record.updated_at if record else 0,
    )
