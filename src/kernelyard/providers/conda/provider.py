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
from kernelyard.providers.environments import EnvironmentImages
from kernelyard.providers.image_names import name_of_environment
from kernelyard.providers.kernelspec_file import Kernelspec


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


class CondaProvider(EnvironmentImages[CondaEnvironment]):
    """Environments of conda, mamba, micromamba and pixi."""

    name: ClassVar[str] = "conda"
    Settings: ClassVar[type] = CondaSettings

    def __init__(self, settings: CondaSettings | None = None) -> None:
        self._settings = settings or CondaSettings()

    def kernels(self, title: str, found: CondaEnvironment) -> Iterator[tuple[str, Kernelspec]]:
        yield from kernels_in(title, found)

    def activation(self, spec: Kernelspec) -> Activation:
        """Run the environment's activation scripts. Raises ImageNotReady."""
        home = spec.home
        return activated_conda(home.prefix, home.title, self._settings.activation_limit)

    def watched(self) -> list[Path]:
        wanted = [places.register(), *self._settings.folders]
        if self._settings.search:
            installed = places.installations(os.environ)
            wanted += places.environments_dirs(os.environ, installed)
        for one in self.named().values():
            wanted += (one.prefix / places.META, one.prefix / "bin")
            wanted += (one.prefix / "lib").glob("python*/site-packages")
        return wanted

    def found(self) -> list[CondaEnvironment]:
        """Every environment, those with a name that conda knows first."""
        installed = places.installations(os.environ)
        program = installed[0].program if installed else "conda"
        folders = [folder.expanduser().absolute() for folder in self._settings.folders]
        prefixes = list(places.environments_in(folders))
        found = list(_known(installed)) if self._settings.search else []
        if self._settings.search:
            prefixes += [*places.registered(os.environ), Path(sys.prefix)]
        return found + [
            CondaEnvironment(prefix, _name(prefix), program)
            for prefix in prefixes
            if prefix.is_absolute() and places.is_environment(prefix)
        ]


def _known(installed: list[places.Installation]) -> Iterator[CondaEnvironment]:
    """What conda and its kin know of by name: base environments, and those in their directories."""
    for one in installed:
        if places.is_environment(one.root):
            yield CondaEnvironment(one.root, "base", one.program)
    for folder in places.environments_dirs(os.environ, installed):
        programs = [one.program for one in installed if one.root == folder.parent]
        for prefix in places.environments_in([folder]):
            program = (programs or [one.program for one in installed] or ["conda"])[0]
            yield CondaEnvironment(prefix, _name(prefix), program)


def _name(prefix: Path) -> str:
    if prefix.parent.name == "envs" and prefix.parent.parent.name == ".pixi":
        project = prefix.parent.parent.parent
        return name_of_environment(project / ("env" if prefix.name == "default" else prefix.name))
    return name_of_environment(prefix)
