"""What ties one life of a kernel to whoever follows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from kernelyard.agent.beside import Beside
from kernelyard.providers.quirks import Quirks
from kernelyard.wire.messages import Message


class Hearer(Protocol):
    """Whoever follows what the kernel runs."""

    def on_shell(self, messages: list[Message]) -> None: ...
    def on_iopub(self, messages: list[Message]) -> None: ...
    def on_control(self, messages: list[Message]) -> None: ...
    def on_stdin(self, messages: list[Message]) -> None: ...
    def on_probed(self) -> None: ...
    def pump(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Bond:
    """What ties an incarnation to its kernel."""

    kernel_id: str
    attempt: int
    interrupt_mode: Literal["signal", "message"]
    hearer: Hearer
    quirks: Quirks = field(default_factory=Quirks)
    beside: Beside | None = None
    adopted: bool = False
    """Whether it was found running, so that it may be in the middle of a task."""
    on_first_sound: Callable[[], None] | None = None
    """Called before the first message from iopub is handed on."""
    before_hearing: Callable[[], None] = lambda: None
    """Called before messages are taken in."""
