"""The kernels of one conda environment: its Python, its R, and what else has a kernelspec there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kernelyard.providers.conda.places import META
from kernelyard.providers.environments import Environment, Found, kernels_of
from kernelyard.providers.kernelspec_file import Kernelspec
from kernelyard.providers.kernelspec_home import EnvironmentHome
from kernelyard.providers.site_packages import SitePackages

R_KERNEL = "ir"
"""What IRkernel calls its kernelspec."""


@dataclass(frozen=True, slots=True)
class CondaEnvironment(Found):
    """A conda environment that was found, and what makes such."""

    program: str
    """``conda``, ``mamba`` or ``micromamba``."""


def kernels_in(title: str, found: CondaEnvironment) -> Iterator[tuple[str, Kernelspec]]:
    """Yield name and kernelspec of each image of an environment that is shown as ``title``.

    An R that wants no more than a package is listed, too; an environment for R is not blamed for a
    Python without ipykernel.
    """
    environment = _environment(title, found)
    kernels = dict(kernels_of(environment))
    r_version = installed_version(found.prefix, "r-base")
    r_name = f"{title}:{R_KERNEL}"
    if r_version is not None and r_name not in kernels:
        python = kernels.get(title)
        if python is not None and python.problem is not None and environment.problem is None:
            del kernels[title]
        kernels[r_name] = _r_kernel(title, environment.home, r_version)
    yield from kernels.items()


def installed_version(prefix: Path, package: str) -> str | None:
    """The version of a package in an environment; its record there is NAME-VERSION-BUILD.json."""
    for record in sorted((prefix / META).glob(f"{package}-*.json")):
        parts = record.stem.rsplit("-", 2)
        if len(parts) == 3 and parts[0] == package:
            return parts[1]
    return None


def _environment(title: str, found: CondaEnvironment) -> Environment:
    prefix = found.prefix
    python = prefix / "bin" / "python"
    version = installed_version(prefix, "python")
    minor = ".".join((version or "").split(".")[:2])
    home = EnvironmentHome(
        prefix=prefix,
        python=str(python),
        title=title,
        python_version=version,
        packages=SitePackages.of(prefix, minor or None),
        installer=_installer(found),
    )
    problem = None
    if version is not None and not os.access(python, os.X_OK):
        problem = f"{prefix} is broken: there is no program {python}. {home.installing('python')}"
    return Environment(home, problem, has_python=version is not None or python.exists())


def _r_kernel(title: str, home: EnvironmentHome, version: str) -> Kernelspec:
    library = home.prefix / "lib" / "R" / "library" / "IRkernel"
    there = library.is_dir()
    problem = f"{home.prefix} has no IRkernel. {home.installing('r-irkernel')}"
    return Kernelspec(
        name=R_KERNEL,
        directory=library / "kernelspec" if there else None,
        argv=[
            *(str(home.prefix / "bin" / "R"), "--slave", "-e", "IRkernel::main()"),
            *("--args", "{connection_file}"),
        ],
        display_name=f"R ({title})",
        language="R",
        metadata={"prefix": str(home.prefix)},
        problem=None if there else problem,
        home=home,
        version=version,
    )


def _installer(found: CondaEnvironment) -> str:
    if (found.prefix / META / "pixi").exists():
        return "pixi add {module}"
    return f"{found.program} install -p {found.prefix} {{module}}"
