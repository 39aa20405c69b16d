"""Filling in the blanks of a kernel's command line and environment."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

BLANK = re.compile(r"\{([A-Za-z0-9_]+)\}")
CURRENT_PYTHONS = frozenset(
    {"python", "python3", f"python{sys.version_info[0]}.{sys.version_info[1]}"}
)
"""Names that mean the agent's own interpreter when a kernelspec's command begins with one."""


def fill(
    argv: Sequence[str],
    *,
    connection_file: str | Path,
    resource_dir: str | Path | None,
    blanks: Mapping[str, str] | None = None,
) -> list[str]:
    """Return ``argv`` with ``{connection_file}``, ``{resource_dir}`` and ``{prefix}`` filled in.

    So are further ``blanks``, which never stand for one of those. Other braces stay as they are.
    """
    system = {"connection_file": str(connection_file), "prefix": sys.prefix}
    values = {**(blanks or {}), **system}
    if resource_dir is not None:
        values["resource_dir"] = str(resource_dir)
    return [BLANK.sub(lambda blank: values.get(blank[1], blank[0]), part) for part in argv]


def expand_environment(env: Mapping[str, str], surroundings: Mapping[str, str]) -> dict[str, str]:
    """Return ``env`` with ``${VAR}`` replaced by what ``surroundings`` has; others stay."""
    return {key: Template(value).safe_substitute(surroundings) for key, value in env.items()}


def with_own_python(argv: Sequence[str]) -> list[str]:
    """Return ``argv`` with a first word that means the agent's own interpreter replaced by it."""
    return [sys.executable, *argv[1:]] if argv and argv[0] in CURRENT_PYTHONS else list(argv)
