"""One page of kernel images."""

from __future__ import annotations

from dataclasses import dataclass

from kernelyard.compat.h2o_notebook.clients.kernel_image.kernel_image import KernelImage


@dataclass(frozen=True, slots=True)
class KernelImagesPage:
    """Some images, and the token of the next page; empty on the last one."""

    kernel_images: list[KernelImage]
    next_page_token: str
