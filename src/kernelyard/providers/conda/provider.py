"""Conda environments as images: their Python, their R, and whatever other kernels they have."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from kernelyard.providers.activation import Activation
from kernelyard.providers.activation_scripts import check_limit
from kernelyard.providers.conda import places
from kernelyard.providers.conda.activation import activated_conda
from kernelyard.providers.conda.kernels import CondaEnvironment, kernels_in
from kernelyard.providers.image_names import name_of_environment, told_apart, with_mark
from kernelyard.providers.kernelspec_file import Kernelspec
from kernelyard.providers.kernelspec_images import KernelspecImages


@dataclass(frozen=True, slots=True)
class CondaSettings:
    """The table ``[providers.conda]``."""

    folders: tuple[Path, ...] = ()
    """Folders that are environments or hold some, beside those that conda and its kin know of."""
    search: bool = True
    """Whether environments are looked for at all besides in ``folders``."""
    activation_limit: float = 8.0
    """Seconds that the activation scripts of an environment may take."""

    def __post_init__(self) -> None:
        """Refuse a limit that no launch could wait for."""
        check_limit(self.activation_limit)


class CondaProvider(KernelspecImages):
    """Environments of conda, mamba, micromamba and pixi."""

    name: ClassVar[str] = "conda"
    Settings: ClassVar[type] = CondaSettings

    def __init__(self, settings: CondaSettings | None = None) -> None:
        self._settings = settings or CondaSettings()

    def specs(self) -> dict[str, Kernelspec]:
        return {
            name: spec
            for title, found in self._environments().items()
            for name, spec in kernels_in(title, found)
        }

    def spec(self, name: str) -> Kernelspec | None:
        """Return the kernelspec of an image; the name with its mark is always good."""
        specs = self.specs()
        if name in specs:
            return specs[name]
        marked = (spec for plain, spec in specs.items() if _marked(plain, spec.home.prefix) == name)
        return next(marked, None)

    def activation(self, spec: Kernelspec) -> Activation:
        """Run the environment's activation scripts. Raises ImageNotReady."""
        prefix = spec.home.prefix
        names = {found.prefix: title for title, found in self._environments().items()}
        return activated_conda(
            prefix, names.get(prefix, prefix.name), self._settings.activation_limit
        )

    def watched(self) -> list[Path]:
        wanted = [places.register(), *self._settings.folders]
        if self._settings.search:
            installed = places.installations(os.environ)
            wanted += places.environments_dirs(os.environ, installed)
        for found in self._environments().values():
            wanted += (found.prefix / places.META, found.prefix / "bin")
            wanted += (found.prefix / "lib").glob("python*/site-packages")
        return wanted

    def _environments(self) -> dict[str, CondaEnvironment]:
        found: dict[Path, CondaEnvironment] = {}
        for one in self._looked_up():
            found.setdefault(one.prefix, one)
        named = told_apart((one.name, one.prefix) for one in found.values())
        return {title: found[prefix] for title, prefix in named.items()}

    def _looked_up(self) -> Iterator[CondaEnvironment]:
        """Every environment, those with a name that conda knows first."""
        if self._settings.search:
            yield from _known()
        folders = [folder.expanduser().absolute() for folder in self._settings.folders]
        for prefix in places.environments_in(folders):
            yield CondaEnvironment(prefix, _name(prefix), _program())


def _known() -> Iterator[CondaEnvironment]:
    """What conda and its kin know of: base environments, those with a name, those that are noted."""
    installed = places.installations(os.environ)
    for one in installed:
        if places.is_environment(one.root):
            yield CondaEnvironment(one.root, "base", one.program)
    for folder in places.environments_dirs(os.environ, installed):
        programs = [one.program for one in installed if one.root == folder.parent]
        for prefix in places.environments_in([folder]):
            yield CondaEnvironment(prefix, _name(prefix), programs[0] if programs else _program())
    for prefix in (*places.registered(os.environ), Path(sys.prefix)):
        if prefix.is_absolute() and places.is_environment(prefix):
            yield CondaEnvironment(prefix, _name(prefix), _program())


def _program() -> str:
    """What the user most likely makes environments with."""
    installed = places.installations(os.environ)
    return installed[0].program if installed else "conda"


def _name(prefix: Path) -> str:
    if prefix.parent.name == "envs" and prefix.parent.parent.name == ".pixi":
        project = prefix.parent.parent.parent
        return name_of_environment(project / ("env" if prefix.name == "default" else prefix.name))
    return name_of_environment(prefix)


def _marked(name: str, prefix: Path) -> str:
    title, colon, kernel = name.partition(":")
    return f"{with_mark(title, prefix)}{colon}{kernel}"
