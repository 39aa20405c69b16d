"""Where conda environments are: as conda, mamba, micromamba and pixi keep them. None of these is run."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kernelyard.providers.small_files import read_text

META = "conda-meta"
_ROOTS = ("miniconda3", "anaconda3", "miniforge3", "mambaforge", "micromamba", "conda")
_PROGRAMS = ("conda", "mamba", "micromamba")
_MOST_ENTRIES = 2000


@dataclass(frozen=True, slots=True)
class Installation:
    """A root of environments, and what makes them."""

    root: Path
    program: str
    """``conda``, ``mamba`` or ``micromamba``."""


def installations(surroundings: Mapping[str, str]) -> list[Installation]:
    """Return the conda, mamba and micromamba of this machine, those the user has named first."""
    roots: list[Path] = []
    for variable in ("CONDA_ROOT", "MAMBA_ROOT_PREFIX"):
        roots += _named(surroundings, variable)
    for variable in ("CONDA_EXE", "MAMBA_EXE"):
        roots += [path.parent.parent for path in _named(surroundings, variable)]
    for program in _PROGRAMS:
        found = shutil.which(program, path=surroundings.get("PATH"))
        roots += [Path(found).resolve().parent.parent] if found else []
    roots += _usual_roots()
    unique = dict.fromkeys(root.expanduser().absolute() for root in roots)
    return [Installation(root, _program_of(root)) for root in unique if _is_root(root)]


def environments_dirs(
    surroundings: Mapping[str, str], installed: Iterable[Installation]
) -> list[Path]:
    """Return the directories whose children are environments with a name."""
    roots = [one.root for one in installed]
    dirs: list[Path] = []
    for variable in ("CONDA_ENVS_DIRS", "CONDA_ENVS_PATH"):
        said = surroundings.get(variable, "")
        dirs += [Path(part) for part in said.split(os.pathsep) if part]
    for file in _settings_files(surroundings, roots):
        dirs += [Path(part) for part in _listed(file)]
    dirs += [root / "envs" for root in roots]
    dirs.append(Path.home() / ".conda" / "envs")
    return list(dict.fromkeys(path.expanduser().absolute() for path in dirs))


def environments_in(folders: Iterable[Path]) -> Iterator[Path]:
    """Yield the prefix of every environment in ``folders``.

    A folder may be one, hold some, or hold projects whose environments pixi has made.
    """
    for folder in folders:
        for place in (folder, *_children(folder)):
            if is_environment(place):
                yield place
            pixi = place / ".pixi" / "envs"
            yield from filter(is_environment, _children(pixi))


def registered(surroundings: Mapping[str, str]) -> list[Path]:
    """Return the prefixes that conda and its kin have noted, and the one that is activated."""
    noted = read_text(register()).splitlines()
    return [*map(Path, filter(None, map(str.strip, noted))), *_named(surroundings, "CONDA_PREFIX")]


def register() -> Path:
    """The file in which conda and its kin note every environment that they make."""
    return Path.home() / ".conda" / "environments.txt"


def is_environment(prefix: Path) -> bool:
    """Whether there is a conda environment at ``prefix``."""
    try:
        return (prefix / META).is_dir()
    except OSError:
        return False


def _named(surroundings: Mapping[str, str], variable: str) -> list[Path]:
    said = surroundings.get(variable)
    return [Path(said)] if said else []


def _usual_roots() -> Iterator[Path]:
    for place in (Path.home(), Path.home() / "opt", Path(os.sep) / "opt"):
        yield from (place / name for name in _ROOTS)
    yield Path.home() / ".local" / "share" / "mamba"
    if sys.platform == "darwin":
        yield Path(os.sep, "opt", "homebrew", "Caskroom", "miniforge", "base")


def _is_root(root: Path) -> bool:
    """Whether it is one: the base environment of conda, or what micromamba has instead."""
    return is_environment(root) or any(map(is_environment, _children(root / "envs")))


def _program_of(root: Path) -> str:
    there = [name for name in ("mamba", "conda") if (root / "bin" / name).exists()]
    return there[-1] if there else "micromamba"


def _settings_files(surroundings: Mapping[str, str], roots: list[Path]) -> list[Path]:
    home = Path.home()
    config = Path(surroundings.get("XDG_CONFIG_HOME") or home / ".config")
    return [
        *_named(surroundings, "CONDARC"),
        *_named(surroundings, "MAMBARC"),
        home / ".condarc",
        home / ".mambarc",
        home / ".conda" / ".condarc",
        config / "conda" / ".condarc",
        *(root / ".condarc" for root in roots),
        Path(os.sep) / "etc" / "conda" / ".condarc",
    ]


def _listed(file: Path) -> Iterator[str]:
    """Yield what a ``.condarc`` lists as ``envs_dirs``; the rest of the file is not understood."""
    inside = False
    for line in read_text(file).splitlines():
        bare = line.split(" #")[0].strip()
        key = re.match(r"(\w+)\s*:(.*)", line)
        if key is not None:
            inside = key[1] in ("envs_dirs", "envs_path")
            bare = key[2].split(" #")[0].strip()
            if inside and bare.startswith("["):
                yield from _clean(bare.strip("[]").split(","))
            elif inside and bare:
                yield from _clean([bare])
        elif inside and bare.startswith("- "):
            yield from _clean([bare[2:]])


def _clean(words: Iterable[str]) -> Iterator[str]:
    for word in words:
        if text := word.strip().strip("'\""):
            yield os.path.expandvars(text)


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())[:_MOST_ENTRIES]
    except OSError:
        return []
