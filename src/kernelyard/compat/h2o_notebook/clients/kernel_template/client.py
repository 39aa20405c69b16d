"""Kernel templates: resources and limits, made once and used by many kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NoReturn

from kernelyard.compat.h2o_notebook.clients.convert.duration_convertor import duration_to_seconds
from kernelyard.compat.h2o_notebook.clients.convert.quantity_convertor import quantity_to_number
from kernelyard.compat.h2o_notebook.clients.home import Home
from kernelyard.compat.h2o_notebook.clients.kernel_template.kernel_template import (
    KernelTemplate,
    kernel_template_of,
)
from kernelyard.compat.h2o_notebook.clients.kernel_template.page import KernelTemplatesPage
from kernelyard.compat.h2o_notebook.clients.page import page_of
from kernelyard.compat.h2o_notebook.exception import NotSupportedException, of_the_guide


class KernelTemplateClient:
    """All templates that the token may see."""

    def __init__(self, home: Home) -> None:
        self._home = home

    @of_the_guide
    def create_kernel_template(  # noqa: PLR0913 - one parameter per field of the guide
        self,
        kernel_template_id: str,
        *,
        milli_cpu_limit: int = 0,
        gpu: int = 0,
        memory_bytes_limit: str = "0",
        max_idle_duration: str = "0s",
        environmental_variables: Mapping[str, str] | None = None,
        storage_bytes: str = "0",
        disabled: bool = False,
        milli_cpu_request: int = 0,
        memory_bytes_request: str = "0",
        gpu_resource: str = "",
        storage_class_name: str = "",
        yaml_pod_template_spec: str = "",
    ) -> KernelTemplate:
        """Make a template.

        ::

            clients.kernel_template_client.create_kernel_template(
                kernel_template_id="small", memory_bytes_limit="1Gi", max_idle_duration="1h"
            )

        The last five are for engines that run kernels in pods; elsewhere they are kept and shown.
        Raises CustomApiException, with status 409 if there is one of this id.
        """
        pod = {
            "milli_cpu_request": milli_cpu_request,
            "memory_bytes_request": quantity_to_number(memory_bytes_request),
            "gpu_resource": gpu_resource,
            "storage_class": storage_class_name,
            "manifest": yaml_pod_template_spec,
        }
        made = self._home.yard.templates.create(
            kernel_template_id,
            milli_cpu_limit=milli_cpu_limit,
            gpu=gpu,
            memory_bytes_limit=quantity_to_number(memory_bytes_limit),
            storage_bytes=quantity_to_number(storage_bytes),
            max_idle_duration=duration_to_seconds(max_idle_duration) or None,
            environment=dict(environmental_variables or {}),
            disabled=disabled,
            pod=pod,
        )
        return kernel_template_of(made)

    @of_the_guide
    def get_kernel_template(self, kernel_template_id: str) -> KernelTemplate:
        """Return one template."""
        return kernel_template_of(self._home.yard.templates.get(kernel_template_id))

    @of_the_guide
    def list_all_kernel_templates(self) -> list[KernelTemplate]:
        """Return all templates, the newest first."""
        templates = list(self._home.yard.templates.list())
        templates.sort(key=lambda one: one.created_at.timestamp() if one.created_at else 0.0)
        return [kernel_template_of(template) for template in reversed(templates)]

    def list_kernel_templates(
        self, page_size: int = 0, page_token: str = ""
    ) -> KernelTemplatesPage:
        """Return one page of them."""
        every = self.list_all_kernel_templates()
        return KernelTemplatesPage(
            *page_of(every, page_size, page_token, lambda template: template.kernel_template_id)
        )

    @of_the_guide
    def delete_kernel_template(self, kernel_template_id: str) -> None:
        """Remove a template; kernels that were made with it keep what it said."""
        self._home.yard.templates.delete(kernel_template_id)

    def apply_kernel_templates(self, kernel_template_configs: Sequence[object]) -> NoReturn:
        """It would delete all templates first, also those of others and the server's own."""
        del kernel_template_configs
        raise NotSupportedException(
            "apply_kernel_templates() replaces all templates, and a yard has some that are not yours. "
            "Use create_kernel_template() and delete_kernel_template() for each."
        )
