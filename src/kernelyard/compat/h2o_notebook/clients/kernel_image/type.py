"""Which language kernels of an image speak."""

from __future__ import annotations

from enum import Enum


class KernelImageType(Enum):
    """The language. What is neither Python nor R has no name in the guide."""

    TYPE_UNSPECIFIED = "TYPE_UNSPECIFIED"
    TYPE_PYTHON = "TYPE_PYTHON"
    TYPE_R = "TYPE_R"
    TYPE_SPARK_PYTHON = "TYPE_SPARK_PYTHON"
    TYPE_SPARK_R = "TYPE_SPARK_R"


_BY_LANGUAGE = {"python": KernelImageType.TYPE_PYTHON, "r": KernelImageType.TYPE_R}


def type_of(language: str) -> KernelImageType:
    """Return the type of an image whose kernels speak ``language``."""
    return _BY_LANGUAGE.get(language.casefold(), KernelImageType.TYPE_UNSPECIFIED)
