"""One kernelspec, read with patience: what is wrong with it becomes a sentence, not an error."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from kernelyard.model.errors import Invalid
from kernelyard.model.ids import checked_environment
from kernelyard.model.json import JsonObject, JsonValue
from kernelyard.providers.argv import BLANK, expand_environment, fill
from kernelyard.providers.kernelspec_home import OWN_HOME, Home
from kernelyard.providers.provisioner.stanza import Stanza, stanza_of, stanza_problem

_LARGEST_FILE = 1024 * 1024
_LONGEST_TEXT = 200
_MODES = ("signal", "message")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kernelspec:
    """What a ``kernel.json`` says, whether it is a file or not."""

    name: str
    directory: Path | None
    """Where its resources are."""
    argv: list[str] = field(default_factory=list)
    display_name: str
    language: str = ""
    env: dict[str, str] = field(default_factory=dict)
    interrupt_mode: Literal["signal", "message"] = "signal"
    metadata: JsonObject = field(default_factory=dict)
    kernel_protocol_version: str | None = None
    stanza: Stanza | None = None
    """The kernel provisioner that starts it, where it is not simply its command that is run."""
    problem: str | None = None
    home: Home = OWN_HOME
    """The environment in which it runs."""
    version: str | None = None
    """Of its language or kernel, where that is known."""


def read_kernelspec(name: str, directory: Path, home: Home = OWN_HOME) -> Kernelspec:
    """Return the kernelspec of a directory; one that cannot start a kernel has a ``problem``."""
    path = directory / "kernel.json"
    mend = f"Install the kernel again, or remove it with 'jupyter kernelspec remove {name}'."
    content = _content(path)
    if isinstance(content, str):
        return Kernelspec(
            name=name,
            directory=directory,
            display_name=name,
            problem=f"{content} {mend}",
            home=home,
        )
    return kernelspec_of(name, content, directory, source=str(path), mend=mend, home=home)


def kernelspec_of(
    name: str,
    content: JsonObject,
    directory: Path | None,
    *,
    source: str,
    mend: str,
    home: Home = OWN_HOME,
) -> Kernelspec:
    """Return the kernelspec with the ``content`` of a ``kernel.json``.

    ``source`` is where it is from and ``mend`` what helps, both for its ``problem``.
    """
    if not _is_text(content):
        odd = Kernelspec(name=name, directory=directory, display_name=name, home=home)
        return replace(odd, problem=f"{source} has text that is no Unicode. {mend}")
    argv = content.get("argv")
    words = [word for word in argv if isinstance(word, str)] if isinstance(argv, list) else []
    metadata, protocol = content.get("metadata"), content.get("kernel_protocol_version")
    stanza = stanza_of(metadata)
    spec = Kernelspec(
        name=name,
        directory=directory,
        # A provisioner is given the command as it is written, and may have no use for it.
        argv=home.command(words) if stanza is None else words,
        display_name=_text(content, "display_name")[:_LONGEST_TEXT].strip() or name,
        language=_text(content, "language")[:_LONGEST_TEXT],
        env=_texts(content.get("env")),
        interrupt_mode="message" if content.get("interrupt_mode") == "message" else "signal",
        metadata=metadata if isinstance(metadata, dict) else {},
        kernel_protocol_version=protocol if isinstance(protocol, str) else None,
        home=home,
    )
    problem = _mode_problem(content, source) or _environment_problem(spec, source)
    if stanza is not None:
        return _with_provisioner(spec, stanza, problem)
    if not words or not words[0] or words != argv or "\0" in "".join(words):
        return replace(spec, problem=f"{source} has no command in 'argv'. {mend}")
    return replace(spec, problem=problem or _command_problem(spec, source, mend))


def _with_provisioner(spec: Kernelspec, stanza: Stanza | str, problem: str | None) -> Kernelspec:
    if isinstance(stanza, str):
        return replace(spec, problem=stanza)
    return replace(spec, stanza=stanza, problem=problem or stanza_problem(stanza))


def is_resource(name: str) -> bool:
    """Whether a file of a kernelspec's directory may be shown to clients."""
    return name.startswith("logo-") or name in ("kernel.js", "kernel.css")


def _content(path: Path) -> JsonObject | str:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
        if len(data) > _LARGEST_FILE:
            return f"{path} has more than {_LARGEST_FILE // 1024} KiB."
        value: JsonValue = json.loads(data.decode("utf-8-sig"))
    except OSError as error:
        return f"{path} cannot be read: {error.strerror}. Let the agent's user read it, or:"
    except (ValueError, RecursionError) as error:
        return f"{path} is not valid JSON: {error}."
    if not isinstance(value, dict):
        return f"{path} does not hold a JSON object."
    return value


def _mode_problem(content: JsonObject, source: str) -> str | None:
    mode = content.get("interrupt_mode")
    if mode is None or mode in _MODES:
        return None
    return (
        f"{source} has the 'interrupt_mode' {str(mode)[:40]!r}, which nobody knows. "
        "Correct it to 'signal' or 'message', or remove it."
    )


def _environment_problem(spec: Kernelspec, source: str) -> str | None:
    try:
        checked_environment(spec.env, field="env")
    except Invalid as error:
        return f"{source} cannot be used: {error.message} Correct it."
    return None


def _command_problem(spec: Kernelspec, source: str, mend: str) -> str | None:
    argv = fill(spec.argv, connection_file="", resource_dir=spec.directory)
    if "parameters" in spec.metadata and BLANK.search(argv[0]):
        return None  # which program it is depends on a value that is given at launch
    path = expand_environment(spec.env, os.environ).get("PATH")
    if shutil.which(argv[0], path=path or spec.home.programs()) is None:
        return (
            f"{source} starts {argv[0]!r}, and there is no such program where kernels run. {mend}"
        )
    if argv[0] == spec.home.python and argv[1:2] == ["-m"] and len(argv) > 2:
        module = argv[2].partition(".")[0]
        if "PYTHONPATH" not in spec.env and not spec.home.has_module(module):
            return (
                f"{source} starts the Python module {module!r}, which is not installed for "
                f"{spec.home.python}. {spec.home.installing(module)}"
            )
    return None


def _is_text(content: JsonObject) -> bool:
    """Whether all of it can be told to others: JSON can hold halves of characters."""
    try:
        json.dumps(content, ensure_ascii=False, default=str).encode()
    except (ValueError, RecursionError):
        return False
    return True


def _text(content: JsonObject, key: str) -> str:
    value = content.get(key)
    return value if isinstance(value, str) else ""


def _texts(value: JsonValue) -> dict[str, str]:
    if not isinstance(value, dict):
        return {}
    return {
        key: item if isinstance(item, str) else str(item)
        for key, item in value.items()
        if isinstance(item, str | int | float)
    }
