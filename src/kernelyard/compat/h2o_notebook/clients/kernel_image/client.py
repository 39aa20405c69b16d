"""Kernel images: what there is, and further names for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from kernelyard.client import Image
from kernelyard.compat.h2o_notebook.clients.home import PYTHON, Home
from kernelyard.compat.h2o_notebook.clients.kernel_image.kernel_image import (
    KernelImage,
    kernel_image_of,
)
from kernelyard.compat.h2o_notebook.clients.kernel_image.page import KernelImagesPage
from kernelyard.compat.h2o_notebook.clients.kernel_image.type import KernelImageType, type_of
from kernelyard.compat.h2o_notebook.clients.page import page_of
from kernelyard.compat.h2o_notebook.exception import (
    InvalidArgumentException,
    NotSupportedException,
    of_the_guide,
)


class KernelImageClient:
    """All images of the server. Changes are for administrators."""

    def __init__(self, home: Home) -> None:
        self._home = home

    @of_the_guide
    def list_all_kernel_images(self) -> list[KernelImage]:
        """Return all images: ``python`` first, the others by name."""
        images = [self._shown(image) for image in self._home.yard.images.list()]
        return sorted(images, key=lambda image: image.kernel_image_id != PYTHON)

    def list_kernel_images(self, page_size: int = 0, page_token: str = "") -> KernelImagesPage:
        """Return one page of them."""
        every = self.list_all_kernel_images()
        return KernelImagesPage(
            *page_of(every, page_size, page_token, lambda image: image.kernel_image_id)
        )

    @of_the_guide
    def get_kernel_image(self, kernel_image_id: str) -> KernelImage:
        """Return one image."""
        return self._shown(self._home.yard.images.get(kernel_image_id))

    @of_the_guide
    def create_kernel_image(
        self,
        kernel_image_id: str,
        image: str,
        kernel_image_type: KernelImageType = KernelImageType.TYPE_PYTHON,
        display_name: str = "",
    ) -> KernelImage:
        """Give the server's image named ``image`` a further id.

        Kernels are started from what is installed on the server; a reference to a container image is
        not found. Raises InvalidArgumentException if it is of another type.
        """
        images = self._home.yard.images
        found = type_of(images.get(image).language)
        if kernel_image_type is not found:
            raise InvalidArgumentException(
                f"The image {image!r} is of {found.name}, not {kernel_image_type.name}."
            )
        made = images.register(kernel_image_id, image, display_name=display_name or None)
        self._forget_python(kernel_image_id)
        return self._shown(made)

    @of_the_guide
    def update_kernel_image(
        self,
        kernel_image_id: str,
        *,
        display_name: str | None = None,
        disabled: bool | None = None,
    ) -> KernelImage:
        """Change what is given."""
        images = self._home.yard.images
        return self._shown(
            images.update(kernel_image_id, display_name=display_name, disabled=disabled)
        )

    @of_the_guide
    def delete_kernel_image(self, kernel_image_id: str) -> None:
        """Take an id away that was made by ``create_kernel_image``; what it stood for stays."""
        self._home.yard.images.delete(kernel_image_id)
        self._forget_python(kernel_image_id)

    @of_the_guide
    def delete_all_kernel_images(self) -> None:
        """Take away all ids that administrators have made; what is installed stays."""
        for image in self._home.yard.images.list():
            if image.registered:
                self.delete_kernel_image(image.name)

    def apply_kernel_images(self, kernel_image_configs: Sequence[object]) -> NoReturn:
        """It would delete all images first, and those that are installed cannot be deleted."""
        del kernel_image_configs
        raise NotSupportedException(
            "apply_kernel_images() replaces all images, and a yard finds its own. Use "
            "create_kernel_image() for each further id."
        )

    def _shown(self, image: Image) -> KernelImage:
        return kernel_image_of(image, self._home.image_id(image.name))

    def _forget_python(self, kernel_image_id: str) -> None:
        if kernel_image_id == PYTHON:
            self._home.forget_python()
