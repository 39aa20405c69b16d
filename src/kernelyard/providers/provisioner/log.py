"""The log of a kernel as a place where its provisioner's words go."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TextIO

_TAIL_BYTES = 4096
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW


class ProvisionerLog:
    """Appends to one kernel's log. Without a path, everything said is thrown away."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path if path.name else None
        self._begin = self._size()
        self._form = logging.Formatter(f"{name}: %(levelname)s: %(message)s")
        self._stream: TextIO | None = None
        # Not one of those that ``getLogger`` keeps for ever, and that pass on what they are told.
        self.logger = logging.Logger(f"kernelyard.provisioner.{name}", logging.INFO)  # noqa: LOG001

    def begin(self) -> None:
        """Open the file. Raises OSError."""
        if (descriptor := self.open()) is not None:
            self._stream = os.fdopen(descriptor, "a", encoding="utf-8")
            handler = logging.StreamHandler(self._stream)
            handler.setFormatter(self._form)
            self.logger.addHandler(handler)
        else:
            self.logger.addHandler(logging.NullHandler())

    def open(self) -> int | None:
        """A descriptor to append with, for a process to write to; the caller closes it."""
        return None if self._path is None else os.open(self._path, _FLAGS, 0o600)

    def tail(self) -> str:
        """The last lines that were written since this was made."""
        if self._path is None:
            return ""
        try:
            with self._path.open("rb") as file:
                file.seek(max(self._begin, self._size() - _TAIL_BYTES))
                return file.read(_TAIL_BYTES).decode("utf-8", "replace").strip()
        except OSError:
            return ""

    def close(self) -> None:
        """Let go of the file."""
        self.logger.handlers = [logging.NullHandler()]
        if self._stream is not None:
            self._stream.close()

    def _size(self) -> int:
        try:
            return 0 if self._path is None else self._path.stat().st_size
        except OSError:
            return 0
