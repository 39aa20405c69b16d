"""What a kernel's process prints beside the protocol while a task runs, as output of that task.

For kernels of which it is known that they do not forward it themselves; of all others it is in the log
only, for it would come twice. Both descriptors lead into the log, so it is told as standard output.
"""

from __future__ import annotations

import codecs
from pathlib import Path

import msgspec

from kernelyard.agent.kernel_log import KernelLog
from kernelyard.model.errors import Invalid

LOOK_SECONDS = 0.2
MOST_AT_ONCE = 256 * 1024
MOST_OF_A_TASK = 4 * 1024 * 1024
"""Bytes; the rest is in the log only."""
_CUT = "\n[more is in the kernel's log]\n"


class Beside:
    """Reads the log behind the process that appends to it."""

    def __init__(self, log: Path) -> None:
        self._log = KernelLog(log)
        self._at = 0
        self._left = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def begin(self) -> None:
        """A task begins: what was printed before is not its own."""
        self._at, self._left = self._log.size, MOST_OF_A_TASK
        self._decoder.reset()

    def contents(self) -> list[bytes]:
        """What was printed since, each as the content of a stream message."""
        found: list[bytes] = []
        while self._left > 0 and (text := self._next()):
            found.append(msgspec.json.encode({"name": "stdout", "text": text}))
        return found

    def _next(self) -> str:
        try:
            part = self._log.read(self._at, min(MOST_AT_ONCE, self._left))
        except Invalid:
            # Somebody has made the file shorter.
            self._at = self._log.size
            return ""
        self._at = part.end
        self._left -= len(part.data)
        return self._decoder.decode(part.data) + ("" if self._left > 0 else _CUT)
