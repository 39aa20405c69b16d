"""Names of images that are made from names of directories: valid, and the same at every look."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from kernelyard.model.errors import Invalid
from kernelyard.model.ids import checked_name

_LONGEST = 64
_GENERIC = frozenset(
    {".venv", "venv", ".env", "env", ".virtualenv", "virtualenv", ".conda", "envs"}
)
"""Directories that are named for what they are, within a project that has the name."""


def is_name(text: str) -> bool:
    """Whether an image can be named so."""
    try:
        checked_name(text, field="name")
    except Invalid:
        return False
    return True


def name_of_environment(prefix: Path) -> str:
    """Return the name for an environment: its directory's, or its project's if that is ``.venv``."""
    named = prefix.parent if prefix.name in _GENERIC and prefix.parent.name else prefix
    return valid_name(named.name)


def valid_name(text: str) -> str:
    """Return ``text`` with what may not be in a name left out."""
    cleaned = re.sub(r"\.{2,}", ".", re.sub(r"[^A-Za-z0-9._-]+", "-", text))[:_LONGEST]
    return cleaned.strip("._-") or "environment"


def readable(text: str) -> str:
    """Return ``text`` with what is no Unicode replaced: names of files may be anything."""
    return text.encode(errors="replace").decode()


def with_mark(name: str, path: Path | str) -> str:
    """Return the name of one of several that would be called ``name``: it is always the same."""
    digest = hashlib.sha256(str(path).encode(errors="surrogateescape")).hexdigest()
    return f"{name}-{digest[:6]}"
