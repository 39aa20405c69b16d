"""Jupyter's kernelspecs as images: every directory with a ``kernel.json`` on the Jupyter paths."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from jupyter_core.paths import jupyter_path

from kernelyard.providers.image_names import is_name
from kernelyard.providers.kernelspec_file import Kernelspec, read_kernelspec
from kernelyard.providers.kernelspec_images import KernelspecImages

NATIVE = "python3"
"""The kernelspec that exists wherever ipykernel does, also without a directory."""


class KernelspecProvider(KernelspecImages):
    """The kernelspecs that Jupyter itself would list on this machine."""

    name: ClassVar[str] = "kernelspec"

    def __init__(self, places: Sequence[str] | None = None) -> None:
        """``places`` hold kernelspec directories; Jupyter's own places unless given."""
        self._places = places

    def specs(self) -> dict[str, Kernelspec]:
        specs: dict[str, Kernelspec] = {}
        for directory in kernel_directories(self._looked_at()):
            name = directory.name.lower()
            if name not in specs and is_name(name):
                specs[name] = read_kernelspec(name, directory)
        if NATIVE not in specs and (native := _native()) is not None:
            specs[NATIVE] = native
        return specs

    def spec(self, name: str) -> Kernelspec | None:
        """Read the one that is asked for, and no other: a kernel waits for it."""
        for directory in kernel_directories(self._looked_at()):
            if directory.name.lower() == name and is_name(name):
                return read_kernelspec(name, directory)
        return _native() if name == NATIVE else None

    def watched(self) -> list[Path]:
        places = [Path(place) for place in self._looked_at()]
        return [*places, *kernel_directories(places)]

    def _looked_at(self) -> Sequence[str]:
        places: list[str] = jupyter_path("kernels")
        return places if self._places is None else self._places


def kernel_directories(places: Iterable[str | Path]) -> Iterator[Path]:
    """Yield every kernelspec's directory in ``places``, in the order in which the first wins."""
    for place in places:
        try:
            directories = sorted(Path(place).iterdir())
        except OSError:
            continue
        for directory in directories:
            try:
                is_kernelspec = (directory / "kernel.json").is_file()
            except OSError:
                continue
            if is_kernelspec:
                yield directory


def _native() -> Kernelspec | None:
    importlib.invalidate_caches()
    found = importlib.util.find_spec("ipykernel")
    if found is None or found.origin is None:
        return None
    resources = Path(found.origin).parent / "resources"
    return Kernelspec(
        name=NATIVE,
        directory=resources if resources.is_dir() else None,
        argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        display_name="Python 3 (ipykernel)",
        language="python",
        metadata={"debugger": True},
    )
