"""Outputs: the numbered things that a kernel said or that happened on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from kernelyard.client.rich import Rich

SPOKEN = frozenset(
    {
        "stream",
        "display_data",
        "execute_result",
        "update_display_data",
        "clear_output",
        "error",
    }
)
"""Kinds that came from the kernel; all others are marks of the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output(Rich):
    """One numbered thing that a kernel said, or that happened on it.

    ::

        for output in task.follow():
            if output.kind == "stream":
                print(output.text, end="")
            elif output.png:
                Path(f"figure-{output.number}.png").write_bytes(output.png)
    """

    number: int
    """Numbers only grow; give the last one as ``after`` to go on from there."""
    at: datetime
    task: int
    """The task's number in the kernel's queue; 0 for the kernel itself."""
    kind: str
    """``stream``, ``display_data``, ``execute_result``, ``update_display_data``, ``clear_output``,
    ``error``; or a mark: ``started``, ``ended``, ``cut``, ``gap``, ``kernel_ready`` …"""
    content: dict[str, Any]
    """The content of the Jupyter message, or of the mark."""

    @property
    def is_mark(self) -> bool:
        """Whether it tells of something that happened, and not what the code said."""
        return self.kind not in SPOKEN

    @property
    def rich(self) -> bool:
        """Whether it carries a MIME bundle."""
        return isinstance(self.content.get("data"), dict)

    @property
    def data(self) -> dict[str, Any]:
        return _object(self.content.get("data"))

    @property
    def metadata(self) -> dict[str, Any]:
        return _object(self.content.get("metadata"))

    @property
    def stream(self) -> str | None:
        """``stdout`` or ``stderr`` for kind ``stream``, otherwise None."""
        name = self.content.get("name") if self.kind == "stream" else None
        return name if isinstance(name, str) else None

    @property
    def display_id(self) -> str | None:
        """What updates of this display refer to."""
        value = _object(self.content.get("transient")).get("display_id")
        return value if isinstance(value, str) else None

    @property
    def text(self) -> str:
        """What a terminal would show of it: printed text, plain text, or the traceback."""
        if self.kind == "stream":
            value = self.content.get("text", "")
            return value if isinstance(value, str) else "".join(value)
        if self.kind == "error":
            lines = self.content.get("traceback") or [
                f"{self.content.get('ename', '')}: {self.content.get('evalue', '')}"
            ]
            return "\n".join(str(line) for line in lines)
        return self._written("text/plain") or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPage:
    """Some outputs of a task.

    ::

        page = task.outputs(after=0, limit=500)
        while not page.complete:
            page = task.outputs(after=page.last, limit=500)
    """

    items: tuple[Output, ...]
    last: int
    """Ask for what comes after this number next."""
    complete: bool
    """Whether nothing will ever come after ``last``."""


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
