"""Kernels of environments: what a virtual or conda environment can start, found without running it."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, TypeVar

from kernelyard.providers.image_names import valid_name, with_mark
from kernelyard.providers.kernelspec import NATIVE, kernel_directories
from kernelyard.providers.kernelspec_file import Kernelspec, read_kernelspec
from kernelyard.providers.kernelspec_home import EnvironmentHome
from kernelyard.providers.kernelspec_images import KernelspecImages


@dataclass(frozen=True, slots=True)
class Found:
    """An environment that was found."""

    prefix: Path
    name: str
    """What it would be called; another one may have the name."""


F = TypeVar("F", bound=Found)


class EnvironmentImages(KernelspecImages, Generic[F]):
    """Providers whose images are in environments that have names."""

    @abstractmethod
    def found(self) -> Iterable[F]:
        """Return every environment; of two with one name the first has it."""

    @abstractmethod
    def kernels(self, title: str, found: F) -> Iterator[tuple[str, Kernelspec]]:
        """Yield name and kernelspec of each image of one environment."""

    def named(self) -> dict[str, F]:
        """Return every environment once, by a name of its own."""
        unique: dict[str, F] = {}
        for one in self.found():
            unique.setdefault(os.path.realpath(one.prefix), one)
        named: dict[str, F] = {}
        for one in unique.values():
            named[with_mark(one.name, one.prefix) if one.name in named else one.name] = one
        return named

    def specs(self) -> dict[str, Kernelspec]:
        return {
            name: spec
            for title, one in self.named().items()
            for name, spec in self.kernels(title, one)
        }

    def spec(self, name: str) -> Kernelspec | None:
        """Return the kernelspec of an image. The name with its environment's mark is always good."""
        wanted, colon, kernel = name.partition(":")
        for title, one in self.named().items():
            if wanted in (title, with_mark(title, one.prefix)):
                return dict(self.kernels(title, one)).get(f"{title}{colon}{kernel}")
        return None


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment that has a name, and what is known of it."""

    home: EnvironmentHome
    problem: str | None = None
    """Why nothing of it can be started, and what mends that."""
    has_python: bool = True
    further: bool = True
    """Whether its own kernelspecs are listed, beside its Python."""

    @property
    def name(self) -> str:
        """Of its image; those of its further kernels begin with it."""
        return self.home.title


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
        display_name=f"Python ({environment.name})",
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
                display_name=f"{spec.display_name} ({environment.name})",
                metadata={**spec.metadata, "prefix": str(home.prefix)},
                problem=environment.problem or spec.problem,
            ),
        )
