"""A kernelspec that a kernel provisioner starts: everything it says, as plain data."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from kernelyard.providers.directories import marked_directory
from kernelyard.providers.inherited import inherited_environment
from kernelyard.providers.launcher import LaunchRequest
from kernelyard.providers.provisioner.stanza import Stanza


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvisionedSpec:
    """One kernelspec as its ``kernel.json`` has it."""

    name: str
    stanza: Stanza
    argv: list[str] = field(default_factory=list)
    """As written: a provisioner fills it in, or throws it away."""
    env: dict[str, str] = field(default_factory=dict)
    unset: list[str] = field(default_factory=list)
    """Variables of the agent that the kernel must not have."""
    display_name: str = ""
    language: str = ""
    interrupt_mode: Literal["signal", "message"] = "signal"
    metadata: dict[str, Any] = field(default_factory=dict)
    kernel_protocol_version: str = ""
    resource_dir: str = ""


def environment_for(
    request: LaunchRequest, unset: Sequence[str] = (), surroundings: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Return what a provisioner is given as environment: the agent's without our own settings and
    secrets, then what was asked for. The provisioner adds what the kernelspec says."""
    inherited = inherited_environment(surroundings, unset)
    path = request.path or ""
    # One that ends in a slash marks a directory, and is no notebook.
    named = {"JPY_SESSION_NAME": path} if path and not path.endswith("/") else {}
    return {**inherited, **request.environment, **named}


def directory_for(request: LaunchRequest) -> str:
    """Return where a provisioner starts the kernel: where its path marks it, or else beside its
    notebook, as Jupyter does, if that is named by a whole path; its work directory otherwise.

    Raises LaunchFailed.
    """
    if (marked := marked_directory(request.path)) is not None:
        return str(marked)
    if request.path is not None:
        notebook = Path(request.path)
        if notebook.is_absolute() and notebook.parent.is_dir():
            return str(notebook.parent)
    return str(request.work_dir)
