"""Finding plugins by entry point. Our own enter by the same door as strangers'."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

Group = Literal[
    "kernelyard.engines", "kernelyard.providers", "kernelyard.stores", "kernelyard.doors"
]
GROUPS: tuple[Group, ...] = (
    "kernelyard.engines",
    "kernelyard.providers",
    "kernelyard.stores",
    "kernelyard.doors",
)


class PluginMissing(LookupError):
    """No plugin of that name is installed, or it cannot be loaded."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """An entry point, and what came of loading it."""

    group: Group
    name: str
    value: str
    distribution: str
    loaded: object | None
    problem: str | None


def find(group: Group) -> list[Plugin]:
    """Return every plugin of a group, loaded or with the problem that prevented it."""
    return [_load(group, point) for point in _points(group)]


def load(group: Group, name: str) -> object:
    """Return the plugin ``name``. Raises PluginMissing with what can be done."""
    for point in _points(group):
        if point.name == name:
            plugin = _load(group, point)
            if plugin.loaded is None:
                raise PluginMissing(f"The plugin '{name}' of {group} is broken: {plugin.problem}")
            return plugin.loaded
    names = ", ".join(point.name for point in _points(group)) or "none"
    raise PluginMissing(
        f"No plugin '{name}' is installed for {group}; there are: {names}. Install the package "
        "that brings it, or correct the setting."
    )


def _points(group: Group) -> list[EntryPoint]:
    return sorted(_installed(tuple(sys.path)).select(group=group))


@lru_cache(maxsize=1)
def _installed(path: tuple[str, ...]) -> Any:
    """What is installed where Python looks, read once: every package has a file to be opened."""
    del path
    return entry_points()


def _load(group: Group, point: EntryPoint) -> Plugin:
    distribution = point.dist.name if point.dist is not None else "unknown"
    try:
        loaded, problem = point.load(), None
    except Exception as error:  # noqa: BLE001 - a stranger's module may raise anything
        loaded, problem = None, f"{type(error).__name__}: {error}"
    return Plugin(group, point.name, point.value, distribution, loaded, problem)
