"""What a kernelspec says about its kernel provisioner, and whether that provisioner is installed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from kernelyard.model.json import JsonValue

GROUP = "jupyter_client.kernel_provisioners"
"""The entry-point group in which Jupyter's kernel provisioners are registered."""
LOCAL = "local-provisioner"
"""Jupyter's own: it starts the command of the kernelspec. We do that ourselves, unless it is
configured."""
OURS = "kernelyard-provisioner"
"""Starts the kernel in a yard: nothing that a yard itself could start."""
_DEFAULT = "JUPYTER_DEFAULT_PROVISIONER_NAME"


@dataclass(frozen=True, slots=True)
class Stanza:
    """The ``kernel_provisioner`` of a kernelspec's metadata."""

    name: str
    config: dict[str, Any] = field(default_factory=dict)


def stanza_of(
    metadata: JsonValue, surroundings: Mapping[str, str] = os.environ
) -> Stanza | str | None:
    """Return what a kernelspec's metadata names, or what is wrong with it.

    None if the kernelspec is started by its command, as most are.
    """
    said = metadata.get("kernel_provisioner") if isinstance(metadata, dict) else None
    if said is None:
        said = {}
    if not isinstance(said, dict):
        return "Its 'metadata.kernel_provisioner' is not a JSON object. Mend its kernel.json."
    name = said.get("provisioner_name") or surroundings.get(_DEFAULT) or LOCAL
    if not isinstance(name, str):
        return "Its 'provisioner_name' is not a text. Mend its kernel.json."
    config = said.get("config") if "provisioner_name" in said else None
    if config is not None and not isinstance(config, dict):
        return (
            f"The 'config' of its provisioner {name!r} is not a JSON object. Mend its kernel.json."
        )
    return None if name == LOCAL and not config else Stanza(name, config or {})


def installed(name: str) -> EntryPoint | None:
    """Return the entry point of a provisioner; looks again each time, so a new one is found."""
    return next(iter(entry_points(group=GROUP, name=name)), None)


def stanza_problem(stanza: Stanza) -> str | None:
    """Why a kernelspec with this stanza cannot start a kernel, and what mends that; None if it can."""
    if stanza.name == OURS:
        return (
            "It is for Jupyter applications beside a server: they start their kernel there with it. "
            f"Here, choose the image that it names: {stanza.config.get('image', 'python3')!r}."
        )
    if installed(stanza.name) is not None:
        return None
    there = sorted({entry.name for entry in entry_points(group=GROUP)} - {OURS})
    return (
        f"It is started by the kernel provisioner {stanza.name!r}, and no package that provides it "
        f"(entry point {stanza.name!r} of the group {GROUP!r}) is installed where kernels run. "
        f"Install that package there with pip; no restart is needed. Installed: {', '.join(there)}."
    )
