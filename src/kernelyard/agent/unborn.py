"""Kernels that were asked to end before they came here."""

from __future__ import annotations

from kernelyard.agent.disk import storage_error
from kernelyard.agent.endings import KernelEnd
from kernelyard.agent.folder import Folder
from kernelyard.agent.journal import Journal
from kernelyard.agent.recovery import recover
from kernelyard.model.errors import StorageFull
from kernelyard.model.records import EndCause, RecordKind


def end_unborn(folder: Folder, journal: Journal | None, reason: str) -> None:
    """Write a journal that says that the kernel has ended. Raises StorageFull."""
    try:
        folder.make()
        if journal is None or not journal.is_open:
            journal, _ = recover(folder.journal)
        end = KernelEnd(cause=EndCause.ASKED, reason=reason)
        journal.append([(0, RecordKind.KERNEL_ENDED, end.body())])
        if journal.closed:
            folder.mark_ended(journal)
    except OSError as error:
        raise storage_error(error) from error
    written = journal.closed
    journal.close_when_unread()
    if not written:
        journal.close()
        raise StorageFull
