"""What becomes of a kernel, as its journal tells it, told on to those who speak with it as clients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec

from kernelyard.model.records import Record, RecordKind
from kernelyard.wire import nanny


class Audience(Protocol):
    """Those who are told."""

    def meet(self) -> None:
        """A process is ready."""
        ...

    def part(self) -> None:
        """The process has ended."""
        ...

    def publish(self, msg_type: str, content: object) -> None:
        """Say something to every client on iopub."""
        ...

    def tell(self, name: str, event: nanny.Event) -> None:
        """Tell every client of an event."""
        ...

    def lose(self, content: object, *, everything: bool) -> None:
        """Answer what the process will not answer any more; all that waits, too, if ``everything``."""
        ...

    def doubt(self) -> None:
        """The kernel may have forgotten what it ran."""
        ...


class Fates:
    """Tells one audience of one kernel."""

    def __init__(self, kernel_id: str, attempt: Callable[[], int], audience: Audience) -> None:
        """``attempt`` counts the starts of the kernel."""
        self._kernel_id = kernel_id
        self._attempt = attempt
        self._audience = audience
        self._restart: nanny.Event | None = None
        """Set while the kernel is being started again: what its clients are told once it is ready."""

    def take_in(self, record: Record) -> None:
        """Tell what a record tells, if it is of the kernel's fate."""
        if record.seq or record.kind not in nanny.FATES:
            return
        told = nanny.read_told(record)
        event = nanny.event_of(self._kernel_id, told)
        match record.kind:
            case RecordKind.KERNEL_READY:
                self._audience.meet()
                if self._restart is not None:
                    self._audience.tell(nanny.RESTARTED, self._restart)
                    self._restart = None
            case RecordKind.KERNEL_RESTARTING:
                self._restart = event
                self._lose(told, restarting=True)
            case RecordKind.KERNEL_ENDED:
                self._lose(told, restarting=False)
            case RecordKind.KERNEL_ENDING_SOON:
                self._audience.tell(nanny.ENDING_SOON, event)
            case RecordKind.KERNEL_INTERRUPTED:
                self._audience.tell(nanny.INTERRUPTED, event)
                self._audience.doubt()
            case RecordKind.KERNEL_SIGNALLED:
                self._audience.tell(nanny.SIGNALLED, event)
                self._audience.doubt()

    def _lose(self, told: nanny.Told, *, restarting: bool) -> None:
        """The kernel's process has ended."""
        self._audience.part()
        state = "restarting" if restarting else "dead"
        self._audience.publish("status", {"execution_state": state})
        if not restarting or nanny.was_death(told):
            # A record of a restart counts the process that comes next; one of the end counts none.
            ended = told.attempt - 1 if restarting else told.attempt or self._attempt()
            event = nanny.event_of(
                self._kernel_id, msgspec.structs.replace(told, attempt=ended), restarting=restarting
            )
            self._audience.tell(nanny.DIED, event)
        name = "KernelRestarted" if restarting else "KernelDied"
        self._audience.lose(nanny.error(name, told.reason), everything=not restarting)
