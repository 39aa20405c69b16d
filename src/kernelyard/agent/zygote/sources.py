"""Which files a zygote has taken something from, as it tells itself when it is ready."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

_PACKAGES = (
    "lib*/python*/site-packages",
    "lib*/python*/dist-packages",
    "local/lib/python*/*-packages",
)
"""Where a prefix has installed packages; the last two where a distribution has changed that."""
_LARGEST_FILE = 4 * 1024 * 1024


class Sources(msgspec.Struct, frozen=True):
    """What a zygote has written into a file when it was ready."""

    near: list[str] = []
    """Directories and files from which an interpreter learns where modules and settings are."""
    files: list[str] = []
    """Each file that was imported."""


def sources_of(file: Path, python: Sequence[str], env: Mapping[str, str]) -> Sources:
    """Return what the zygote of an interpreter has told in a file, and the interpreter itself.

    Where it has told nothing, what can be guessed: an environment that has changed is then noticed,
    and a module that lies elsewhere is not.
    """
    program = shutil.which(python[0], path=env.get("PATH")) or python[0]
    own = [program, *_beside(Path(program))]
    try:
        with file.open("rb") as stream:
            told = msgspec.json.decode(stream.read(_LARGEST_FILE), type=Sources)
    except (OSError, msgspec.DecodeError):
        told = Sources()
    return Sources(near=[*own, *told.near], files=told.files)


def _beside(program: Path) -> list[str]:
    """What makes an environment of an interpreter."""
    prefix = program.parent.parent
    packages = sorted(found for pattern in _PACKAGES for found in prefix.glob(pattern))
    return [str(one) for one in (prefix / "pyvenv.cfg", *packages)]
