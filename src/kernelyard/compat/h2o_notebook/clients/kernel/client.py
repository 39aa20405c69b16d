"""Kernels: made, looked at, ended."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

from kernelyard.client import KernelInfo, NotFoundError
from kernelyard.compat.h2o_notebook.clients.home import Home
from kernelyard.compat.h2o_notebook.clients.kernel.kernel import Kernel, kernel_of
from kernelyard.compat.h2o_notebook.clients.kernel.page import KernelsPage
from kernelyard.compat.h2o_notebook.clients.page import page_of
from kernelyard.compat.h2o_notebook.exception import of_the_guide, refuse_own_id


class KernelClient:
    """Kernels. Lists show yours; by its id an administrator reaches everybody's."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._leaving: set[str] = set()
        """Those that were deleted here, and perhaps have not let go of everything yet."""

    @of_the_guide
    def create_kernel(
        self,
        *,
        kernel_image_id: str,
        kernel_template_id: str,
        display_name: str = "",
        environmental_variables: Mapping[str, str] | None = None,
        kernel_id: str = "",
    ) -> Kernel:
        """Make a kernel and return at once, while it starts; code can be sent to it already.

        The server chooses the id. Raises NotSupportedException for one of your own.
        """
        refuse_own_id("kernel_id", kernel_id)
        made = self._home.yard.kernels.create(
            kernel_image_id,
            template=kernel_template_id,
            display_name=display_name,
            environment=environmental_variables,
        )
        return self._shown(made.info)

    @of_the_guide
    def get_kernel(self, kernel_id: str) -> Kernel:
        """Return a kernel as it is now."""
        return self._shown(self._home.yard.kernels.get(kernel_id).info)

    @of_the_guide
    def list_all_kernels(self) -> list[Kernel]:
        """Return all kernels of yours, the newest first."""
        return list(self._mine())

    @of_the_guide
    def list_kernels(self, page_size: int = 0, page_token: str = "") -> KernelsPage:
        """Return one page of them."""
        return KernelsPage(
            *page_of(self._mine(), page_size, page_token, lambda kernel: kernel.kernel_id)
        )

    @of_the_guide
    def terminate_kernel(self, kernel_id: str) -> Kernel:
        """Stop what runs and free the resources; tasks and their output stay. May be repeated."""
        return self._shown(self._home.yard.kernels.get(kernel_id).terminate().info)

    @of_the_guide
    def delete_kernel(self, kernel_id: str) -> None:
        """End it and remove it with its tasks and their output. Returns before it is all done."""
        self._home.yard.kernels.get(kernel_id).delete()
        self._leaving.add(kernel_id)

    @of_the_guide
    def delete_all_kernels(self) -> None:
        """Delete all kernels of yours."""
        for kernel in self.list_all_kernels():
            try:
                self._home.yard.kernels.get(kernel.kernel_id).delete()
            except NotFoundError:
                continue
            self._leaving.add(kernel.kernel_id)

    @of_the_guide
    def wait_kernel_deleted(self, kernel_id: str, timeout_seconds: float | None = None) -> None:
        """Wait until a kernel is gone and its resources are free.

        It does not delete it. Raises TimeoutException.
        """
        self._home.yard.kernels.wait_gone(kernel_id, timeout_seconds)
        self._leaving.discard(kernel_id)

    @of_the_guide
    def wait_all_kernels_deleted(self, timeout_seconds: float | None = None) -> None:
        """Wait until no kernel of yours is left, those deleted by this client included.

        Raises TimeoutException.
        """
        until = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while awaited := [*self._leaving, *(kernel.kernel_id for kernel in self._mine())]:
            for kernel_id in awaited:
                left = None if until is None else max(0.0, until - time.monotonic())
                self._home.yard.kernels.wait_gone(kernel_id, left)
                self._leaving.discard(kernel_id)

    def _mine(self) -> Iterator[Kernel]:
        for kernel in self._home.yard.kernels.list():
            if kernel.info.owner == self._home.owner:
                yield self._shown(kernel.info)

    def _shown(self, info: KernelInfo) -> Kernel:
        return kernel_of(info, self._home.image_id(info.image.name))
