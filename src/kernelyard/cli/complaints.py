"""Errors that the command line itself raises, and how any error ends a command."""

from __future__ import annotations

import sys

USAGE = 2
FAILED = 1


_TREES = (
    ("kernelyard.model.errors", "YardError"),
    ("kernelyard.client.errors", "KernelyardError"),
    ("kernelyard.plugins", "PluginMissing"),
)


class Complaint(Exception):
    """Something the user can mend; the message says what to do. Shown as one line."""

    def __init__(self, message: str, *, status: int = FAILED) -> None:
        self.message = message
        self.status = status
        super().__init__(message)


def sentence_of(error: Exception) -> tuple[str, int] | None:
    """Return what to show for an expected error and the exit status; None for a bug."""
    if isinstance(error, Complaint):
        return error.message, error.status
    expected = _error_classes()
    if isinstance(error, expected):
        return str(getattr(error, "message", None) or error), FAILED
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror or error}{where}", FAILED
    return None


def _error_classes() -> tuple[type[Exception], ...]:
    """The error trees of the client and of the server's rooms, where those are loaded at all."""
    found: list[type[Exception]] = []
    for module, name in _TREES:
        error = getattr(sys.modules.get(module), name, None)
        if isinstance(error, type) and issubclass(error, Exception):
            found.append(error)
    return tuple(found)


def show(message: str) -> None:
    """Write one line to standard error, its first word in red on a terminal."""
    line = " ".join(message.split())
    red, plain = ("\x1b[1;31m", "\x1b[0m") if sys.stderr.isatty() else ("", "")
    print(f"{red}error:{plain} {line}", file=sys.stderr, flush=True)
