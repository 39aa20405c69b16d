"""Virtual environments as images: each Python in one of them that has ipykernel, or could have."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from kernelyard.providers.activation import Activation
from kernelyard.providers.activation_scripts import check_limit
from kernelyard.providers.environments import Environment, EnvironmentImages, Found, kernels_of
from kernelyard.providers.image_names import name_of_environment
from kernelyard.providers.kernelspec_file import Kernelspec
from kernelyard.providers.kernelspec_home import EnvironmentHome
from kernelyard.providers.site_packages import SitePackages
from kernelyard.providers.virtualenv.activation import activated_virtualenv
from kernelyard.providers.virtualenv.places import (
    IN_PROJECTS,
    MARK,
    environments_in,
    read_mark,
    usual_folders,
)

OWN = Path(sys.prefix)
"""The environment that the agent itself runs in."""
_PIP = "{python} -m pip install {module}"
_UV = "uv pip install --python {python} {module}"
_NUMBERED = re.compile(r"python(\d+\.\d+)")


@dataclass(frozen=True, slots=True)
class VirtualenvSettings:
    """The table ``[providers.virtualenv]``."""

    folders: tuple[Path, ...] | None = None
    """Folders that are environments, hold environments, or hold projects with a ``.venv``; where the
    usual tools keep them unless set."""
    own: bool = True
    """Whether the environment that kernelyard itself runs in is listed, too."""
    activation_limit: float = 8.0
    """Seconds that the activation script of an environment may take."""

    def __post_init__(self) -> None:
        """Refuse a limit that no launch could wait for."""
        check_limit(self.activation_limit)


class VirtualenvProvider(EnvironmentImages[Found]):
    """Environments made by venv, virtualenv, uv, virtualenvwrapper, pipenv, Poetry and such."""

    name: ClassVar[str] = "virtualenv"
    Settings: ClassVar[type] = VirtualenvSettings

    def __init__(self, settings: VirtualenvSettings | None = None) -> None:
        self._settings = settings or VirtualenvSettings()

    def found(self) -> list[Found]:
        """Every environment, the agent's own first: that it is ours must not depend on others."""
        prefixes = [prefix for prefix in environments_in(self._folders()) if prefix != OWN]
        if self._settings.own and not (OWN / "conda-meta").is_dir():
            prefixes.insert(0, OWN)
        return [Found(prefix, _name(prefix)) for prefix in prefixes]

    def kernels(self, title: str, found: Found) -> Iterator[tuple[str, Kernelspec]]:
        yield from kernels_of(_environment(title, found.prefix))

    def activation(self, spec: Kernelspec) -> Activation:
        """Run the environment's activation script. Raises ImageNotReady."""
        prefix = spec.home.prefix
        prompt = read_mark(prefix).get("prompt", "").strip("'\"") or name_of_environment(prefix)
        return activated_virtualenv(prefix, prompt, self._settings.activation_limit)

    def watched(self) -> list[Path]:
        folders = self._folders()
        prefixes = [*environments_in(folders), OWN]
        packages = [
            place for prefix in prefixes for place in (prefix / "lib").glob("*/site-packages")
        ]
        projects = [prefix.parent for prefix in prefixes if prefix.name in IN_PROJECTS]
        kernels = [prefix / "share" / "jupyter" / "kernels" for prefix in prefixes]
        # One that is just being made has no Python yet.
        programs = [prefix / "bin" for prefix in prefixes]
        return list(dict.fromkeys([*folders, *projects, *packages, *programs, *kernels]))

    def _folders(self) -> list[Path]:
        if self._settings.folders is None:
            return usual_folders(os.environ)
        return [folder.expanduser().absolute() for folder in self._settings.folders]


def _name(prefix: Path) -> str:
    return name_of_environment(prefix) if (prefix / MARK).is_file() else "system"


def _environment(title: str, prefix: Path) -> Environment:
    own = prefix == OWN
    said = read_mark(prefix)
    version = said.get("version") or said.get("version_info") or ""
    version = ".".join(version.split(".")[:3])
    if own:
        version = ".".join(map(str, sys.version_info[:3]))
    python = Path(sys.executable) if own else _python_of(prefix)
    minor = ".".join(version.split(".")[:2])
    sees_base = own or said.get("include-system-site-packages", "").lower() == "true"
    base = Path(said["home"]).parent if said.get("home") else Path(sys.base_prefix)
    packages = SitePackages.of(prefix, minor or None, base if sees_base else None)
    home = EnvironmentHome(
        prefix=prefix,
        python=str(python),
        title=title,
        python_version=version or None,
        packages=packages,
        installer=_PIP if packages.has("pip") else _UV,
    )
    # What the agent's own environment has besides its Python is a kernelspec of Jupyter's paths.
    return Environment(home=home, problem=_python_problem(prefix, python, minor), further=not own)


def _python_of(prefix: Path) -> Path:
    names = (prefix / "bin" / name for name in ("python", "python3", "pypy3"))
    found: Iterator[Path] = (path for path in names if path.is_symlink() or path.exists())
    return next(found, prefix / "bin" / "python")


def _python_problem(prefix: Path, python: Path, minor: str) -> str | None:
    try:
        real = python.resolve(strict=True)
    except (OSError, RuntimeError):
        gone = f"its Python {python}"
        if python.is_symlink():
            gone += f", a link to {python.readlink()},"
        return f"{prefix} is broken: {gone} is not there any more. {_anew(prefix)}"
    if not (real.is_file() and os.access(real, os.X_OK)):
        return f"{prefix} is broken: its Python {python} is not a program. {_anew(prefix)}"
    numbered = _NUMBERED.fullmatch(real.name)
    if numbered and minor and numbered[1] != minor:
        return (
            f"{prefix} is broken: it was made for Python {minor}, and its Python is now "
            f"{numbered[1]}. {_anew(prefix)}"
        )
    return None


def _anew(prefix: Path) -> str:
    return f"Make it anew with 'python3 -m venv --clear {prefix}', or remove it."
