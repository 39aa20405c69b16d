"""Kernelspecs of ours in Jupyter's directories: written whole, found again, removed."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_data_dir, jupyter_path

from kernelyard.cli.complaints import Complaint

PROVISIONER = "kernelyard-provisioner"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A kernelspec that starts kernels in a yard."""

    name: str
    directory: Path
    display_name: str
    language: str
    config: dict[str, Any]


def place_of(*, prefix: Path | None, sys_prefix: bool) -> Path:
    """Return the directory in which kernelspecs are to be written; the user's own by default."""
    if sys_prefix:
        prefix = Path(sys.prefix)
    data = Path(jupyter_data_dir()) if prefix is None else prefix.expanduser() / "share" / "jupyter"
    return data / "kernels"


def content_of(
    config: Mapping[str, object], *, display_name: str, language: str, env: Mapping[str, str]
) -> dict[str, object]:
    """Return what its ``kernel.json`` says."""
    return {
        # Jupyter wants a command; the provisioner has no use for it.
        "argv": ["kernelyard", "{connection_file}"],
        "display_name": display_name,
        "language": language,
        "interrupt_mode": "message",
        "env": dict(env),
        "metadata": {
            "kernel_provisioner": {"provisioner_name": PROVISIONER, "config": dict(config)}
        },
    }


def write(
    directory: Path, content: Mapping[str, object], logos: Mapping[str, bytes], *, replace: bool
) -> None:
    """Write a kernelspec, so that nobody ever sees half of one. Raises Complaint, OSError."""
    if directory.exists() and read(directory) is None:
        raise Complaint(
            f"{directory} is another kernel's, and is left as it is. Choose another --name."
        )
    if directory.exists() and not replace:
        raise Complaint(f"{directory} exists. Give --replace, or choose another --name.")
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".kernelyard-", dir=directory.parent) as made:
        fresh = Path(made) / directory.name
        fresh.mkdir()
        (fresh / "kernel.json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")
        for name, data in logos.items():
            (fresh / name).write_bytes(data)
        if directory.exists():
            os.rename(directory, Path(made) / "old")  # noqa: PTH104 - beside its counterpart
        os.rename(fresh, directory)  # noqa: PTH104 - the same


def found() -> Iterator[Installed]:
    """Yield every kernelspec of ours that Jupyter would find, the first of a name only."""
    seen: set[str] = set()
    for place in map(Path, jupyter_path("kernels")):
        try:
            directories = sorted(place.iterdir())
        except OSError:
            continue
        for directory in directories:
            if directory.name.lower() not in seen and (directory / "kernel.json").is_file():
                seen.add(directory.name.lower())
                if (one := read(directory)) is not None:
                    yield one


def read(directory: Path) -> Installed | None:
    """Return the kernelspec of a directory; None if it is not one of ours."""
    try:
        content = json.loads((directory / "kernel.json").read_text("utf-8"))
        stanza = content["metadata"]["kernel_provisioner"]
        if stanza["provisioner_name"] != PROVISIONER:
            return None
        return Installed(
            name=directory.name,
            directory=directory,
            display_name=str(content.get("display_name", directory.name)),
            language=str(content.get("language", "")),
            config=dict(stanza.get("config") or {}),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def remove(one: Installed) -> None:
    """Remove a kernelspec. Raises OSError."""
    shutil.rmtree(one.directory)
