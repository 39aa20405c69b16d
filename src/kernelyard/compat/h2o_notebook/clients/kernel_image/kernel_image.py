"""A kernel image as the guide shows it."""

from __future__ import annotations

from dataclasses import dataclass

from kernelyard.client import Image
from kernelyard.compat.h2o_notebook.clients.kernel_image.type import KernelImageType, type_of


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelImage:
    """Something a kernel can be started from."""

    kernel_image_id: str
    display_name: str
    kernel_image_type: KernelImageType
    image: str
    """What it stands for on the server: ``provider/name``."""
    disabled: bool
    """Whether it starts no kernels: an administrator said so, or something is missing."""


def kernel_image_of(image: Image, kernel_image_id: str) -> KernelImage:
    """Return an image as the guide shows it."""
    return KernelImage(
        kernel_image_id=kernel_image_id,
        display_name=image.display_name,
        kernel_image_type=type_of(image.language),
        image=image.reference,
        disabled=image.disabled or not image.ready,
    )
