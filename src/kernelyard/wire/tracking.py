"""Following one execution on a kernel until it has truly ended.

Shell and iopub are separate sockets and race each other: the reply may come before the last output
and the idle mark before the reply. An execution has ended when both have come, in whatever order.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from kernelyard.model.tasks import TaskError
from kernelyard.wire.messages import Error, Message, Reply, read_error, read_reply, read_state


@dataclass(slots=True)
class Execution:
    """One execute request that was sent, and what has come back so far."""

    msg_id: str
    reply: Reply | None = field(default=None, init=False)
    idle: bool = field(default=False, init=False)
    begun: bool = field(default=False, init=False)
    """Whether the kernel has said that it runs the code; before that an interrupt may be ignored."""
    raised: Error | None = field(default=None, init=False)
    """The last error that was seen on iopub."""

    @property
    def finished(self) -> bool:
        return self.idle and self.reply is not None

    def on_shell(self, message: Message) -> None:
        """Take in a message from the shell socket; those of others are passed over."""
        if message.parent == self.msg_id and message.type == "execute_reply":
            self.reply = read_reply(message.content)

    def on_iopub(self, message: Message) -> None:
        """Take in a message from the iopub socket; those of others are passed over."""
        if message.parent != self.msg_id:
            return
        if message.type == "status":
            self.idle = self.idle or read_state(message.content) == "idle"
        elif message.type == "execute_input":
            self.begun = True
        elif message.type == "error":
            self.raised = read_error(message.content)

    @property
    def succeeded(self) -> bool:
        """Whether it ended well; without a reply, whether no error was seen."""
        if self.reply is None:
            return self.raised is None
        return self.reply.status == "ok"

    @property
    def aborted(self) -> bool:
        """Whether the kernel gave it up, in either spelling that kernels use."""
        return self.reply is not None and self.reply.status in ("abort", "aborted")

    @property
    def error(self) -> TaskError | None:
        """What the code raised: from the reply, or from iopub where the reply says nothing."""
        if self.succeeded:
            return None
        told = self.reply
        if told is not None and (told.ename or told.evalue or told.traceback):
            return TaskError(name=told.ename, value=told.evalue, traceback=tuple(told.traceback))
        if self.raised is not None:
            seen = self.raised
            return TaskError(name=seen.ename, value=seen.evalue, traceback=tuple(seen.traceback))
        return None

    @property
    def execution_count(self) -> int | None:
        return self.reply.execution_count if self.reply else None
