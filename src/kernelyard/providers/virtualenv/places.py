"""Where virtual environments are: as venv, virtualenv, uv, virtualenvwrapper, pipenv and Poetry lay them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from kernelyard.providers.small_files import read_text

MARK = "pyvenv.cfg"
IN_PROJECTS = (".venv", "venv", ".virtualenv", "env")
"""What the environment of a project is called within the project."""
_MOST_ENTRIES = 2000


def usual_folders(surroundings: Mapping[str, str]) -> list[Path]:
    """Return the folders in which tools keep environments, whether they exist or not."""
    home = Path.home()
    wrapper = surroundings.get("WORKON_HOME")
    pyenv = Path(surroundings.get("PYENV_ROOT") or home / ".pyenv")
    caches = home / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    folders = [
        *([Path(wrapper)] if wrapper else []),
        home / ".virtualenvs",
        home / ".venvs",
        home / ".local" / "share" / "virtualenvs",
        caches / "pypoetry" / "virtualenvs",
        pyenv / "versions",
    ]
    return list(dict.fromkeys(folder.expanduser() for folder in folders))


def environments_in(folders: Iterable[Path]) -> Iterator[Path]:
    """Yield the prefix of every environment in ``folders``, in order.

    A folder may be one, hold some, or hold projects that have theirs within.
    """
    seen: set[Path] = set()
    for folder in folders:
        for place in (folder, *_children(folder)):
            for prefix in (place, *(place / name for name in IN_PROJECTS)):
                if prefix not in seen and _is_file(prefix / MARK):
                    seen.add(prefix)
                    yield prefix


def read_mark(prefix: Path) -> dict[str, str]:
    """Return what an environment's ``pyvenv.cfg`` says; nothing if it cannot be read."""
    pairs = (line.partition("=") for line in read_text(prefix / MARK).splitlines())
    return {key.strip().lower(): value.strip() for key, equals, value in pairs if equals}


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())[:_MOST_ENTRIES]
    except OSError:
        return []


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False
