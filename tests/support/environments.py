"""Real environments, made in no time: their Python is ours, and so are the packages it sees."""

from __future__ import annotations

import json
import sys
import sysconfig
import venv
from pathlib import Path

MINOR = f"{sys.version_info[0]}.{sys.version_info[1]}"
SITE = Path("lib") / f"python{MINOR}" / "site-packages"
VARIABLES = (
    "WORKON_HOME",
    "PYENV_ROOT",
    "XDG_CONFIG_HOME",
    "VIRTUAL_ENV",
    "CONDARC",
    "MAMBARC",
    "CONDA_EXE",
    "CONDA_ROOT",
    "CONDA_PREFIX",
    "CONDA_ENVS_DIRS",
    "CONDA_ENVS_PATH",
    "MAMBA_EXE",
    "MAMBA_ROOT_PREFIX",
)
"""Where the environments of whoever runs the tests may be."""


def a_virtualenv(prefix: Path, *, ipykernel: bool = True, pip: bool = False) -> Path:
    """Make a virtual environment; with ``ipykernel`` it sees all packages that the tests see."""
    prefix.parent.mkdir(parents=True, exist_ok=True)
    venv.create(prefix, symlinks=True, with_pip=False)
    if ipykernel:
        sees_ours(prefix)
    if pip:
        (prefix / SITE / "pip").mkdir()
        (prefix / SITE / "pip" / "__init__.py").touch()
    return prefix


def a_conda_environment(prefix: Path, *packages: str, ipykernel: bool = True) -> Path:
    """Make a directory that is a conda environment, around a real Python if that is a package."""
    meta = prefix / "conda-meta"
    if any(package.startswith("python-") for package in packages):
        a_virtualenv(prefix, ipykernel=ipykernel)
    meta.mkdir(parents=True)
    (meta / "history").touch()
    for package in packages:
        (meta / f"{package}.json").write_text("{}")
    return prefix


def sees_ours(prefix: Path) -> None:
    """Let an environment see the packages of the tests."""
    (prefix / SITE / "ours.pth").write_text(sysconfig.get_path("purelib") + "\n")


def a_kernelspec(prefix: Path, name: str, **content: object) -> Path:
    """Write a kernelspec into an environment."""
    directory = prefix / "share" / "jupyter" / "kernels" / name
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "kernel.json").write_text(json.dumps(content))
    return directory


def a_program(path: Path, text: str = "exit 0") -> Path:
    """Write a shell script that can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def only_here(home: Path) -> dict[str, str]:
    """Variables for a process that has ``home`` as home, and finds nobody else's environments."""
    return {**dict.fromkeys(VARIABLES, ""), "HOME": str(home)}
