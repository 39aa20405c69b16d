"""Which image and template a kernel is made of, and what is told of them afterwards.

How this dialect named them is kept with the kernel as labels: names outlive what they named.
"""

from __future__ import annotations

from dataclasses import dataclass

from kernelyard.doors.h2o import image_ids, reading, template_ids
from kernelyard.doors.h2o.image_ids import ImageType
from kernelyard.doors.h2o.names import GLOBAL, name_of, shown_id
from kernelyard.doors.h2o.routing import Call
from kernelyard.doors.h2o.templates import spec_told
from kernelyard.model.images import split_reference
from kernelyard.model.json import JsonObject
from kernelyard.model.kernels import Kernel

_IMAGE, _MADE_OF, _TYPE = "h2o/image", "h2o/made-of", "h2o/type"
_TEMPLATE = "h2o/template"
_LONGEST_LABEL = 256


@dataclass(frozen=True, slots=True)
class Choice:
    """What a kernel is to be made of, as the yard names it."""

    image: str
    template: str
    labels: dict[str, str]
    """To be kept with the kernel."""


async def choice(call: Call) -> Choice:
    """Return what the body of a call chooses for a new kernel.

    Raises Invalid, ImageNotFound, TemplateNotFound.
    """
    image = await image_ids.named(call, reading.text(call.body, "kernelImage"))
    template = await template_ids.named(call, reading.text(call.body, "kernelTemplate"))
    labels = {
        _IMAGE: image.name,
        _MADE_OF: image.told,
        _TYPE: image.type.value,
        _TEMPLATE: template.name,
    }
    short = {key: value for key, value in labels.items() if len(value) <= _LONGEST_LABEL}
    return Choice(image.image.name, template.template.name, short)


def image_name(kernel: Kernel) -> str:
    """The name of a kernel's image, also of one that was made at another door."""
    said = kernel.labels.get(_IMAGE)
    return said or name_of(GLOBAL, image_ids.COLLECTION, shown_id(kernel.image.name))


def template_name(kernel: Kernel) -> str:
    """The name of a kernel's template, also of one that was made at another door."""
    said = kernel.labels.get(_TEMPLATE)
    return said or name_of(GLOBAL, template_ids.COLLECTION, shown_id(kernel.template.name))


def image_info(kernel: Kernel) -> JsonObject:
    """What a kernel remembers of its image."""
    made = image_ids.type_of_language(kernel.image.language) or ImageType.UNSPECIFIED
    _, container = split_reference(kernel.image.reference)
    fallback = container if kernel.image.reference.startswith("container/") else None
    return {
        "kernelImageType": kernel.labels.get(_TYPE, made),
        "image": kernel.labels.get(_MADE_OF) or fallback or kernel.image.reference,
    }


def template_info(kernel: Kernel) -> JsonObject:
    """What a kernel remembers of its template."""
    spec = kernel.template.spec
    return {**spec_told(spec), "templateEnvironmentalVariables": dict(spec.environment)}
