"""One ``kernel.json``, read with patience: what is wrong with it becomes a sentence, not an error."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import shutil
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from kernelyard.model.json import JsonObject, JsonValue
from kernelyard.providers.argv import expand_environment, fill, with_own_python

_LARGEST_FILE = 1024 * 1024
_LOCAL_PROVISIONERS = (None, "local-provisioner")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernelspec:
    """What a ``kernel.json`` says."""

    name: str
    directory: Path | None
    argv: list[str] = field(default_factory=list)
    display_name: str
    language: str = ""
    env: dict[str, str] = field(default_factory=dict)
    interrupt_mode: Literal["signal", "message"] = "signal"
    metadata: dict[str, str] = field(default_factory=dict)
    problem: str | None = None


def read_kernelspec(name: str, directory: Path) -> Kernelspec:
    """Return the kernelspec of a directory; one that cannot start a kernel has a ``problem``."""
    path = directory / "kernel.json"
    content = _content(path)
    if isinstance(content, str):
        return Kernelspec(name=name, directory=directory, display_name=name, problem=content)
    argv = content.get("argv")
    words = [word for word in argv if isinstance(word, str)] if isinstance(argv, list) else []
    spec = Kernelspec(
        name=name,
        directory=directory,
        argv=with_own_python(words),
        display_name=_text(content, "display_name") or name,
        language=_text(content, "language"),
        env=_texts(content.get("env")),
        interrupt_mode="message" if content.get("interrupt_mode") == "message" else "signal",
        metadata=_texts(content.get("metadata"), only_text=True),
    )
    if not words or words != argv:
        return replace(spec, problem=f"{path} has no command in 'argv'. {_mend(name)}")
    return replace(spec, problem=_provisioner_problem(content) or _command_problem(spec, path))


def is_resource(name: str) -> bool:
    """Whether a file of a kernelspec's directory may be shown to clients."""
    return name.startswith("logo-") or name in ("kernel.js", "kernel.css")


def _content(path: Path) -> JsonObject | str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE)
        value: JsonValue = json.loads(data.decode("utf-8-sig"))
    except OSError as error:
        return (
            f"{path} cannot be read: {error.strerror}. Let the agent's user read it, or remove it."
        )
    except (ValueError, RecursionError) as error:
        return f"{path} is not valid JSON: {error}. {_mend(path.parent.name)}"
    if not isinstance(value, dict):
        return f"{path} does not hold a JSON object. {_mend(path.parent.name)}"
    return value


def _command_problem(spec: Kernelspec, path: Path) -> str | None:
    argv = fill(spec.argv, connection_file="", resource_dir=spec.directory)
    search = expand_environment(spec.env, os.environ).get("PATH", os.environ.get("PATH"))
    if shutil.which(argv[0], path=search) is None:
        return (
            f"{path} starts {argv[0]!r}, and there is no such program where kernels run. "
            f"{_mend(spec.name)}"
        )
    if argv[0] == sys.executable and argv[1:2] == ["-m"] and len(argv) > 2:
        module = argv[2].partition(".")[0]
        if "PYTHONPATH" not in spec.env and not _is_importable(module):
            return (
                f"{path} starts the Python module {module!r}, which is not installed for "
                f"{sys.executable}. Install it there with pip."
            )
    return None


def _provisioner_problem(content: JsonObject) -> str | None:
    metadata = content.get("metadata")
    provisioner = metadata.get("kernel_provisioner") if isinstance(metadata, dict) else None
    name = provisioner.get("provisioner_name") if isinstance(provisioner, dict) else None
    if name in _LOCAL_PROVISIONERS:
        return None
    return (
        f"It asks to be started by the kernel provisioner {name!r}, which cannot be used here. "
        "Choose an image that is started by a command."
    )


def _is_importable(module: str) -> bool:
    importlib.invalidate_caches()
    try:
        return importlib.util.find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _mend(name: str) -> str:
    return f"Install the kernel again, or remove it with 'jupyter kernelspec remove {name}'."


def _text(content: JsonObject, key: str) -> str:
    value = content.get(key)
    return value if isinstance(value, str) else ""


def _texts(value: JsonValue, *, only_text: bool = False) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {
        key: item if isinstance(item, str) else str(item)
        for key, item in value.items()
        if isinstance(item, str) or (not only_text and isinstance(item, int | float))
    }
