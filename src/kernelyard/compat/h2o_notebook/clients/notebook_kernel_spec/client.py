"""Notebook kernel specs pair an image with a template for H2O's notebooks. A yard has none."""

from __future__ import annotations

from typing import NoReturn

from kernelyard.compat.h2o_notebook.exception import NotSupportedException


class NotebookKernelSpecClient:
    """Each of its calls raises NotSupportedException, which says what to use instead."""

    def create_notebook_kernel_spec(self, *args: object, **kwargs: object) -> NoReturn:
        """Not to be had here."""
        del args, kwargs
        _refuse("create_notebook_kernel_spec")

    def get_notebook_kernel_spec(self, *args: object, **kwargs: object) -> NoReturn:
        """Not to be had here."""
        del args, kwargs
        _refuse("get_notebook_kernel_spec")

    def list_notebook_kernel_specs(self, *args: object, **kwargs: object) -> NoReturn:
        """Not to be had here."""
        del args, kwargs
        _refuse("list_notebook_kernel_specs")

    def list_all_notebook_kernel_specs(self, *args: object, **kwargs: object) -> NoReturn:
        """Not to be had here."""
        del args, kwargs
        _refuse("list_all_notebook_kernel_specs")

    def update_notebook_kernel_spec(self, *args: object, **kwargs: object) -> NoReturn:
        """Not to be had here."""
        del args, kwargs
        _refuse("update_notebook_kernel_spec")

    def delete_notebook_kernel_spec(self, *args: object, **kwargs: object) -> NoReturn:
        """Not to be had here."""
        del args, kwargs
        _refuse("delete_notebook_kernel_spec")

    def delete_all_notebook_kernel_specs(self, *args: object, **kwargs: object) -> NoReturn:
        """Not to be had here."""
        del args, kwargs
        _refuse("delete_all_notebook_kernel_specs")

    def apply_notebook_kernel_specs(self, *args: object, **kwargs: object) -> NoReturn:
        """Not to be had here."""
        del args, kwargs
        _refuse("apply_notebook_kernel_specs")


def _refuse(call: str) -> NoReturn:
    raise NotSupportedException(
        f"{call}() is for the notebooks of another service, which a yard does not have. "
        "'kernelyard kernelspec install' makes an image and a template a kernel of Jupyter applications."
    )
