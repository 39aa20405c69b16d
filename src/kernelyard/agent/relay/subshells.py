"""The subshells of a kernel, as it has told of them itself (JEP 91).

Code for a subshell runs beside the queue. A kernel may know no subshells, or not the one that is named,
and run the code in its main shell all the same; so a client's word alone is not taken for it.
"""

from __future__ import annotations

from kernelyard.wire.messages import Message
from kernelyard.wire.requests import read_fields

_MOST = 1000


class Subshells:
    """Those that were made while this relay listened."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}

    def note(self, message: Message) -> None:
        """Take in what the kernel says on the control channel."""
        if message.type == "create_subshell_reply":
            made = read_fields(message.content).get("subshell_id")
            if isinstance(made, str) and made:
                self._ids[made] = None
            if len(self._ids) > _MOST:
                del self._ids[next(iter(self._ids))]

    def __contains__(self, subshell_id: str | None) -> bool:
        return subshell_id in self._ids

    def clear(self) -> None:
        """The process has ended, and they with it."""
        self._ids.clear()
