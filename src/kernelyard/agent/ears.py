"""Who hears a kernel: what runs its tasks, and behind that whoever passes on what it says."""

from __future__ import annotations

from typing import Protocol

from kernelyard.agent.runner import Runner
from kernelyard.wire.messages import Message


class Tap(Protocol):
    """Whoever passes on what a kernel says. Nothing here may wait, or fail for what somebody sent."""

    def on_shell(self, messages: list[Message]) -> None: ...
    def on_control(self, messages: list[Message]) -> None: ...
    def on_stdin(self, messages: list[Message]) -> None: ...
    def on_iopub(self, messages: list[Message]) -> None: ...


class Ears:
    """Hears one kernel over all its starts; outputs are in the journal before they are passed on."""

    def __init__(self, runner: Runner) -> None:
        self.tap: Tap | None = None
        self._runner = runner

    def on_shell(self, messages: list[Message]) -> None:
        """Take in replies."""
        self._runner.on_shell(messages)
        if self.tap is not None:
            self.tap.on_shell(messages)

    def on_control(self, messages: list[Message]) -> None:
        """Take in replies on the control channel."""
        if self.tap is not None:
            self.tap.on_control(messages)

    def on_stdin(self, messages: list[Message]) -> None:
        """Take in prompts."""
        if self.tap is not None:
            self.tap.on_stdin(messages)

    def on_iopub(self, messages: list[Message]) -> None:
        """Take in what the kernel says to everybody."""
        self._runner.on_iopub(messages)
        if self.tap is not None:
            self.tap.on_iopub(messages)

    def on_probed(self) -> None:
        """The kernel answers to something that was asked later."""
        self._runner.on_probed()

    def pump(self) -> None:
        """Something may be begun that could not be before."""
        self._runner.pump()
