"""Which directories to watch for what a provider is interested in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

MOST_PATHS = 1000
"""Of one provider; each costs the system a little memory."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A path that a provider is interested in, and the directory that is watched for it."""

    path: Path
    root: Path
    """The path itself, or what is nearest above it and exists."""

    def touched_by(self, changed: Path) -> bool:
        """Whether a change of ``changed`` is one of this path, or of what is directly in it."""
        if self.root == self.path:
            return changed == self.path or changed.parent == self.path
        return changed == self.path or changed in self.path.parents


def watched_by(paths: Iterable[Path]) -> frozenset[Watched]:
    """Find the directory to watch for each path. Reads the file system."""
    absolute = (Path(path).absolute() for path in islice(paths, MOST_PATHS))
    return frozenset(Watched(path, _root(path)) for path in absolute)


def _root(path: Path) -> Path:
    for place in (path, *path.parents):
        if place.is_dir():
            return place
    return Path(path.anchor)
