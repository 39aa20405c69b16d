"""Activating a virtual environment as its ``bin/activate`` does, which is run if it is there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from kernelyard.providers.activation import (
    MISLEADING,
    OF_CONDA,
    Activation,
    literal,
)
from kernelyard.providers.activation_scripts import activated_by
from kernelyard.providers.inherited import inherited_environment

_SCRIPTS = ("activate", "postactivate")
"""The second is virtualenvwrapper's, for what its user wants to be done."""


def activated_virtualenv(
    prefix: Path,
    prompt: str,
    time_limit: float,
    surroundings: Mapping[str, str] = os.environ,
) -> Activation:
    """Return what activating the environment at ``prefix`` changes.

    Raises ImageNotReady if its script fails.
    """
    unset = (*MISLEADING, *OF_CONDA)
    before = inherited_environment(surroundings, (*unset, "VIRTUAL_ENV"))
    scripts = [file for name in _SCRIPTS if (file := prefix / "bin" / name).is_file()]
    activation = activated_by(scripts, before, {"VIRTUAL_ENV_PROMPT": prompt}, unset, time_limit)
    env = dict(activation.env)
    # An environment that was moved has a script that knows only where it was.
    programs, path = literal(str(prefix / "bin")), env.get("PATH", "${PATH}")
    if programs not in path.split(os.pathsep):
        path = f"{programs}{os.pathsep}{path}"
    return replace(activation, env=env | {"PATH": path, "VIRTUAL_ENV": literal(str(prefix))})
