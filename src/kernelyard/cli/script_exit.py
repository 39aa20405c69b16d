"""``sys.exit()`` in a program: its task has failed by it, and it ended just as it wanted to."""

from __future__ import annotations

import re

from kernelyard.cli.attending import status_of
from kernelyard.client import Kernel, Task

_EXCEPTION = "SystemExit"
_NUMBER = re.compile(r"-?\d+")
_NOISE = re.compile(
    r"^[^\n]*UserWarning: To exit: use 'exit', 'quit', or Ctrl-D\.\n?(?:[ \t]+warn\([^\n]*\n?)?",
    re.MULTILINE,
)


def exit_code(name: str, value: str) -> int | None:
    """Return the status that a program gave to ``sys.exit``; None if it raised something else."""
    if name != _EXCEPTION:
        return None
    if value in ("", "None", "False"):
        return 0
    return int(value) & 0xFF if _NUMBER.fullmatch(value) else 1


def last_words(name: str, value: str) -> str | None:
    """Return the text that a program gave to ``sys.exit``, which Python prints; None for numbers."""
    if name != _EXCEPTION or value in ("", "None", "True", "False") or _NUMBER.fullmatch(value):
        return None
    return value


def without_noise(text: str) -> str:
    """Return what a program wrote to stderr without IPython's advice on how to leave it."""
    return _NOISE.sub("", text) if "To exit: use" in text else text


def program_status(task: Task, kernel: Kernel) -> int:
    """The exit status that a finished program stands for, with a line that says why it is not 0."""
    error = task.info.error
    if task.state == "failed" and error is not None:
        code = exit_code(error.name, error.value)
        if code is not None:
            return code
    return status_of(task, kernel)
