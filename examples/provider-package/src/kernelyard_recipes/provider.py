"""The provider: which recipes there are, and how a kernel of one is launched."""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from kernelyard.model.errors import ImageNotFound, ImageNotReady
from kernelyard.model.images import FoundImage
from kernelyard.model.json import JsonObject
from kernelyard.providers.blocking import InThreads
from kernelyard.providers.launcher import Launcher, LaunchRequest
from kernelyard.providers.provider import LaunchPlan, Provider
from kernelyard_recipes.launcher import NiceLauncher

ARGV = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]


@dataclass(frozen=True)
class RecipesSettings:
    """The table ``[providers.recipes]`` of the server's settings."""

    folder: Path = field(default_factory=lambda: Path.home() / ".kernel-recipes")
    niceness: int = 10

    def __post_init__(self) -> None:
        """What is raised here is told to whoever wrote the settings."""
        if not 0 <= self.niceness <= 19:
            raise ValueError("'niceness' must be between 0 and 19")


class RecipesProvider(Provider):
    """Every ``*.toml`` of a folder is an image."""

    name: ClassVar[str] = "recipes"
    Settings: ClassVar[type] = RecipesSettings

    def __init__(self, settings: RecipesSettings) -> None:
        self._settings = settings

    def find(self) -> list[FoundImage]:
        return [self._image(path) for path in self._recipes().values()]

    def prepare(self, name: str, request: LaunchRequest) -> LaunchPlan:
        # Looked up among what is listed: the name comes from outside and is never made a path.
        path = self._recipes().get(name)
        if path is None:
            raise ImageNotFound(f"There is no recipe {name[:80]!r} in {self._settings.folder}.")
        recipe = _read(path)
        if isinstance(recipe, str):
            raise ImageNotReady(recipe)
        # The values are checked already; those that were not given have their defaults.
        try:
            env = {
                key: str(value).format_map(request.parameters)
                for key, value in recipe.get("env", {}).items()
            }
        except (KeyError, ValueError) as error:
            raise ImageNotReady(f"In the recipe {path}, 'env' has {error} in braces.") from error
        niceness = self._settings.niceness
        return LaunchPlan(
            argv=list(ARGV),
            env=env,
            language="python",
            launcher=lambda asked: InThreads(NiceLauncher(ARGV, env, niceness, asked)),
        )

    def find_again(self, name: str, record: JsonObject) -> Launcher | None:
        del name  # the record says all
        found = NiceLauncher.find_again(record)
        return None if found is None else InThreads(found)

    def watched(self) -> list[Path]:
        return [self._settings.folder]

    def _recipes(self) -> dict[str, Path]:
        return {path.stem: path for path in sorted(self._settings.folder.glob("[a-z]*.toml"))}

    def _image(self, path: Path) -> FoundImage:
        recipe = _read(path)
        problem = recipe if isinstance(recipe, str) else None
        known = {} if isinstance(recipe, str) else recipe
        return FoundImage(
            provider=self.name,
            name=path.stem,
            display_name=str(known.get("display_name", path.stem)),
            language="python",
            problem=problem,
            parameters=known.get("parameters", {}),
        )


def _read(path: Path) -> dict[str, Any] | str:
    """What a recipe says, or what is wrong with it and what to do."""
    try:
        recipe = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        return f"The recipe {path} cannot be read: {error}. Correct or remove it."
    if not isinstance(recipe.get("env", {}), dict):
        return f"In the recipe {path}, 'env' is no table. Correct it."
    return recipe
