"""When a kernel is ready: it answers, and what it says on iopub arrives.

A subscription takes effect a moment after it was made, and until then iopub messages are lost without
a word. So a kernel is ready only when a kernel_info reply *and* something on iopub have come.
"""

from __future__ import annotations

from kernelyard.wire.messages import Message, read_state

_FIRST_WAIT = 0.1
_LONGEST_WAIT = 1.0


class Readiness:
    """Probes one kernel.

    A request waits in its socket until the kernel is there, so a kernel is asked again only after it
    has answered and nothing was heard on iopub; ``next_wait`` tells how long to listen before that.

    With ``in_order`` only the idle mark of a probe counts as heard. Then everything that the kernel
    said on iopub before it answered has been heard too, as far as anybody listened.
    """

    def __init__(self, *, in_order: bool = False) -> None:
        self.info: bytes | None = None
        """Content of the kernel_info_reply, once it has come."""
        self.heard = False
        """Whether that came on iopub which proves that we hear the kernel."""
        self._in_order = in_order
        self._asked: set[str] = set()
        self._wait = _FIRST_WAIT

    @property
    def ready(self) -> bool:
        return self.info is not None and self.heard

    def asked(self, msg_id: str) -> None:
        """Note that a kernel_info request with this id was sent."""
        self._asked.add(msg_id)

    def next_wait(self) -> float:
        """Return the seconds to listen on iopub before the next request."""
        wait, self._wait = self._wait, min(2 * self._wait, _LONGEST_WAIT)
        return wait

    def on_shell(self, message: Message) -> None:
        """Take in a message from the shell socket."""
        if message.type == "kernel_info_reply" and message.parent in self._asked:
            self.info = message.content

    def on_iopub(self, message: Message) -> None:
        """Take in a message from the iopub socket."""
        if self.heard:
            return
        self.heard = not self._in_order or (
            message.parent in self._asked
            and message.type == "status"
            and read_state(message.content) == "idle"
        )
