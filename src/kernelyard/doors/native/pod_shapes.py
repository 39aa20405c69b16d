"""What a template says for where kernels run in pods."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, cast

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from kernelyard.model.templates import PodSpec

_MOST_MILLI_CPU = 10_000_000
_MOST_BYTES = 2**63 - 1
_LONGEST_WORD = 253
_WORD = r"^[^\x00]*$"


class Pod(TypedDict):
    """It is kept and told; engines that make no pods have no use for it."""

    milli_cpu_request: int
    memory_bytes_request: int
    gpu_resource: str
    storage_class: str
    manifest: Annotated[str, Field(description="Part of a pod's manifest in YAML.")]


class PodOrder(BaseModel):
    """The same in a request; what is left out is empty."""

    model_config = ConfigDict(extra="forbid", strict=True)

    milli_cpu_request: int = Field(default=0, ge=0, le=_MOST_MILLI_CPU)
    memory_bytes_request: int = Field(default=0, ge=0, le=_MOST_BYTES)
    gpu_resource: str = Field(default="", max_length=_LONGEST_WORD, pattern=_WORD)
    storage_class: str = Field(default="", max_length=_LONGEST_WORD, pattern=_WORD)
    manifest: str = ""


def ordered(order: PodOrder) -> PodSpec:
    """Return what a request says."""
    return PodSpec(**order.model_dump())


def told(pod: PodSpec) -> Pod:
    """Return what an answer says."""
    return cast("Pod", asdict(pod))
