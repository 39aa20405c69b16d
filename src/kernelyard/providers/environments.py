"""Kernels of environments: what a virtual or conda environment can start, found without running it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from kernelyard.providers.image_names import valid_name
from kernelyard.providers.kernelspec import NATIVE, kernel_directories
from kernelyard.providers.kernelspec_file import Kernelspec, read_kernelspec
from kernelyard.providers.kernelspec_home import EnvironmentHome


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment that has a name, and what is known of it."""

    name: str
    """Of its image; those of its further kernels begin with it."""
    home: EnvironmentHome
    problem: str | None = None
    """Why nothing of it can be started, and what mends that."""
    has_python: bool = True
    title: str = ""
    """What users call it, where that is not its name."""
    further: bool = True
    """Whether its own kernelspecs are listed, beside its Python."""

    @property
    def shown(self) -> str:
        return self.title or self.name


def kernels_of(environment: Environment) -> Iterator[tuple[str, Kernelspec]]:
    """Yield name and kernelspec of each image that an environment has.

    Its Python has the environment's name; others, such as R, have their own behind a colon. A Python
    without ipykernel is listed with what installs it, unless there are others.
    """
    python = _python(environment) if environment.has_python else None
    others = dict(_others(environment)) if environment.further else {}
    if python is not None and (python.problem is None or environment.problem or not others):
        yield environment.name, python
    yield from others.items()


def _python(environment: Environment) -> Kernelspec:
    home = environment.home
    problem = environment.problem
    if problem is None and not home.has_module("ipykernel"):
        problem = f"{home.prefix} has no ipykernel. {home.installing('ipykernel')}"
    places = [place / "ipykernel" / "resources" for place in home.packages.places]
    return Kernelspec(
        name=environment.name,
        directory=next((place for place in places if place.is_dir()), None),
        argv=[home.python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        display_name=f"Python ({environment.shown})",
        language="python",
        metadata={"debugger": True, "prefix": str(home.prefix)},
        problem=problem,
        home=home,
        version=home.version,
    )


def _others(environment: Environment) -> Iterator[tuple[str, Kernelspec]]:
    home = environment.home
    for directory in kernel_directories([home.prefix / "share" / "jupyter" / "kernels"]):
        spec = read_kernelspec(directory.name.lower(), directory, home)
        if spec.name == NATIVE and spec.argv[1:3] == ["-m", "ipykernel_launcher"]:
            continue  # what ipykernel brings with it, and the environment's Python anyway
        yield (
            f"{environment.name}:{valid_name(spec.name)}",
            replace(
                spec,
                display_name=f"{spec.display_name} ({environment.shown})",
                metadata={**spec.metadata, "prefix": str(home.prefix)},
                problem=environment.problem or spec.problem,
            ),
        )
