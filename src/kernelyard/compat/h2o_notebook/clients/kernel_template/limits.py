"""What templates say, and what kernels remember of it, as the guide shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypedDict

from kernelyard.client import Template, TemplateSnapshot
from kernelyard.compat.h2o_notebook.clients.convert.duration_convertor import seconds_to_duration
from kernelyard.compat.h2o_notebook.clients.convert.quantity_convertor import number_to_quantity

GPU_RESOURCE = "nvidia.com/gpu"
"""Which kind of GPU is meant where nothing is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What kernels may use, and for how long. Zero means: no limit."""

    milli_cpu_limit: int = 0
    """Thousandths of a processor."""
    milli_cpu_request: int = 0
    """For pods: what is set aside; 0 means as much as the limit."""
    gpu: int = 0
    gpu_resource: str = GPU_RESOURCE
    memory_bytes_limit: str = "0"
    """A size such as ``1Gi``."""
    memory_bytes_request: str = "0"
    storage_bytes: str = "0"
    storage_class_name: str = ""
    yaml_pod_template_spec: str = ""
    """For pods: a part of a manifest, which is laid over the usual one."""
    max_idle_duration: str = "0s"
    """A duration such as ``1h``."""


class LimitFields(TypedDict):
    """The same, to be given to what has them."""

    milli_cpu_limit: int
    milli_cpu_request: int
    gpu: int
    gpu_resource: str
    memory_bytes_limit: str
    memory_bytes_request: str
    storage_bytes: str
    storage_class_name: str
    yaml_pod_template_spec: str
    max_idle_duration: str


def limits_of(template: Template | TemplateSnapshot) -> LimitFields:
    """Return what a template says."""
    pod: dict[str, Any] = template.pod
    return LimitFields(
        milli_cpu_limit=template.milli_cpu_limit,
        milli_cpu_request=pod.get("milli_cpu_request", 0),
        gpu=template.gpu,
        gpu_resource=pod.get("gpu_resource") or GPU_RESOURCE,
        memory_bytes_limit=number_to_quantity(template.memory_bytes_limit),
        memory_bytes_request=number_to_quantity(pod.get("memory_bytes_request", 0)),
        storage_bytes=number_to_quantity(template.storage_bytes),
        storage_class_name=pod.get("storage_class", ""),
        yaml_pod_template_spec=pod.get("manifest", ""),
        max_idle_duration=seconds_to_duration(template.max_idle_duration or 0),
    )
