"""The types of kernels."""

from __future__ import annotations

from enum import Enum


class KernelType(Enum):
    """What a kernel is for. Those of a yard are headless."""

    TYPE_UNSPECIFIED = "TYPE_UNSPECIFIED"
    TYPE_NOTEBOOK = "TYPE_NOTEBOOK"
    TYPE_HEADLESS = "TYPE_HEADLESS"
