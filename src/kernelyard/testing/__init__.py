"""What authors of plugins, and we ourselves, test with: conformance suites and a clock to move.

The names are loaded when they are first asked for: suites need pytest, the clock needs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kernelyard.testing.clock import FakeClock
    from kernelyard.testing.launchers import LauncherConformance
    from kernelyard.testing.providers import ProviderConformance

__all__ = ["FakeClock", "LauncherConformance", "ProviderConformance"]

_MODULES = {
    "FakeClock": "clock",
    "LauncherConformance": "launchers",
    "ProviderConformance": "providers",
}


def __getattr__(name: str) -> object:
    if name in _MODULES:
        value: object = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
