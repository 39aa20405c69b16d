"""Activating a conda environment as ``conda activate`` does, without conda."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from kernelyard.providers.activation import (
    MISLEADING,
    OF_VIRTUALENV,
    Activation,
)
from kernelyard.providers.activation_scripts import activated_by
from kernelyard.providers.conda.places import META
from kernelyard.providers.inherited import inherited_environment
from kernelyard.providers.small_files import read_object

_UNSET = "***unset***"
"""What conda writes for a variable that was taken away."""


def activated_conda(
    prefix: Path,
    name: str,
    time_limit: float,
    surroundings: Mapping[str, str] = os.environ,
) -> Activation:
    """Return what activating the environment at ``prefix`` changes.

    That is its ``bin`` on the path, conda's own variables, those of packages and of ``conda env
    config vars``, and what its activation scripts do. Raises ImageNotReady if one of them fails.
    """
    unset = (*MISLEADING, *OF_VIRTUALENV)
    before = inherited_environment(surroundings, unset)
    env = {
        "PATH": _path(prefix, before.get("PATH", os.defpath)),
        "CONDA_PREFIX": str(prefix),
        "CONDA_DEFAULT_ENV": name,
        "CONDA_PROMPT_MODIFIER": f"({name}) ",
        "CONDA_SHLVL": "1",
        **_variables(prefix),
    }
    scripts = sorted((prefix / "etc" / "conda" / "activate.d").glob("*.sh"))
    return activated_by(scripts, before, env, unset, time_limit)


def _path(prefix: Path, before: str) -> str:
    """Put the environment's programs first, without those of another one that is activated."""
    ours = [str(prefix / "bin")]
    root = prefix.parent.parent if prefix.parent.name == "envs" else prefix
    if (root / "condabin").is_dir():
        ours.append(str(root / "condabin"))
    return os.pathsep.join(
        [*ours, *(part for part in before.split(os.pathsep) if part not in ours)]
    )


def _variables(prefix: Path) -> dict[str, str]:
    """What packages set, and then what the user has set with ``conda env config vars set``."""
    found: dict[str, str] = {}
    packages = sorted((prefix / "etc" / "conda" / "env_vars.d").glob("*.json"))
    for content in (
        *map(read_object, packages),
        read_object(prefix / META / "state").get("env_vars"),
    ):
        found |= dict(_texts(content))
    return found


def _texts(content: object) -> Iterator[tuple[str, str]]:
    for key, value in content.items() if isinstance(content, dict) else ():
        if isinstance(key, str) and isinstance(value, str) and value != _UNSET:
            yield key, value
