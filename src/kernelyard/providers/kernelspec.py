"""Jupyter's kernelspecs as images: every directory with a ``kernel.json`` on the Jupyter paths."""

from __future__ import annotations

import importlib
import importlib.util
import platform
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

from jupyter_core.paths import jupyter_path

from kernelyard.model.errors import ImageNotFound, ImageNotReady, Invalid, ResourceNotFound
from kernelyard.model.ids import checked_name
from kernelyard.model.images import FoundImage
from kernelyard.providers.kernelspec_file import Kernelspec, is_resource, read_kernelspec
from kernelyard.providers.launcher import LaunchRequest
from kernelyard.providers.provider import LaunchPlan, Provider

NATIVE = "python3"
"""The kernelspec that exists wherever ipykernel does, also without a directory."""
LARGEST_RESOURCE = 16 * 1024 * 1024


class KernelspecProvider(Provider):
    """The kernelspecs that Jupyter itself would list on this machine."""

    name: ClassVar[str] = "kernelspec"

    def __init__(self, places: Sequence[str] | None = None) -> None:
        """``places`` hold kernelspec directories; Jupyter's own places unless given."""
        self._places = places

    def find(self) -> list[FoundImage]:
        return [_found(spec) for spec in self._specs().values()]

    def prepare(self, name: str, request: LaunchRequest) -> LaunchPlan:
        del request
        spec = self._spec(name)
        if spec.problem is not None:
            raise ImageNotReady(spec.problem)
        return LaunchPlan(
            argv=spec.argv,
            env=spec.env,
            interrupt_mode=spec.interrupt_mode,
            resource_dir=str(spec.directory) if spec.directory else None,
            language=spec.language,
        )

    def resource(self, name: str, file: str) -> bytes:
        path = dict(_resources(self._spec(name))).get(file)
        if path is None:
            raise ResourceNotFound(f"The image {name!r} has no file {file[:80]!r}.")
        with path.open("rb") as stream:
            return stream.read(LARGEST_RESOURCE)

    def _spec(self, name: str) -> Kernelspec:
        spec = self._specs().get(name)
        if spec is None:
            raise ImageNotFound(
                f"There is no kernelspec {name[:80]!r} where kernels run. "
                "'kernelyard images' lists those there are."
            )
        return spec

    def _specs(self) -> dict[str, Kernelspec]:
        specs: dict[str, Kernelspec] = {}
        places = jupyter_path("kernels") if self._places is None else self._places
        for directory in _kernel_directories(places):
            name = directory.name.lower()
            if name not in specs and _is_name(name):
                specs[name] = read_kernelspec(name, directory)
        if NATIVE not in specs and (native := _native()) is not None:
            specs[NATIVE] = native
        return specs


def _kernel_directories(places: Sequence[str]) -> Iterator[Path]:
    for place in places:
        try:
            directories = sorted(Path(place).iterdir())
        except OSError:
            continue
        for directory in directories:
            if (directory / "kernel.json").is_file():
                yield directory


def _is_name(name: str) -> bool:
    try:
        checked_name(name, field="name")
    except Invalid:
        return False
    return True


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
    )


def _found(spec: Kernelspec) -> FoundImage:
    own = bool(spec.argv) and spec.argv[0] == sys.executable
    return FoundImage(
        provider=KernelspecProvider.name,
        name=spec.name,
        display_name=spec.display_name,
        language=spec.language,
        version=platform.python_version() if own and spec.language.lower() == "python" else None,
        interrupt_mode=spec.interrupt_mode,
        resources=tuple(name for name, _ in _resources(spec)),
        problem=spec.problem,
        metadata=spec.metadata,
    )


def _resources(spec: Kernelspec) -> list[tuple[str, Path]]:
    """Names and real paths of the files that may be shown; never one outside the directory."""
    if spec.directory is None:
        return []
    try:
        root = spec.directory.resolve(strict=True)
        paths = sorted(path for path in root.iterdir() if is_resource(path.name))
        real = [(path.name, path.resolve()) for path in paths]
        inside = [(name, path) for name, path in real if path.parent == root and path.is_file()]
        return [(name, path) for name, path in inside if is_resource(path.name)]
    except OSError:
        return []
