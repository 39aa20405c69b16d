"""What a kernel remembers of its image."""

from __future__ import annotations

from dataclasses import dataclass

from kernelyard.compat.h2o_notebook.clients.kernel_image.type import KernelImageType


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelImageInfo:
    """The image as it was when the kernel was made."""

    kernel_image_type: KernelImageType
    image: str
