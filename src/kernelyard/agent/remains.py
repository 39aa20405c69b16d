"""What a kernel's processes leave behind, and its removal."""

from __future__ import annotations

import asyncio

from kernelyard.agent.folder import Folder
from kernelyard.agent.incarnation import Incarnation
from kernelyard.agent.journal import Journal
from kernelyard.agent.launch.surroundings import Surroundings
from kernelyard.agent.logs import Log
from kernelyard.agent.places import ipc_prefix, remove_ipc, remove_ipc_of


class Remains:
    """Those of one kernel."""

    def __init__(self, surroundings: Surroundings, folder: Folder, log: Log) -> None:
        self.swept = False
        """Whether nothing of the last process is left."""
        self._surroundings = surroundings
        self._folder = folder
        self._id = folder.kernel_id
        self._log = log

    async def sweep(self, incarnation: Incarnation | None) -> None:
        """Remove what a process that has ended leaves behind, and what belonged to it."""
        if not self.swept:
            self.swept = True
            self._surroundings.limits.end_all(self._id)
            await asyncio.to_thread(self._surroundings.table.kill, self._id)
            self._surroundings.limits.release(self._id)
        if incarnation is not None:
            await incarnation.clean_up()
            remove_ipc(ipc_prefix(self._surroundings.data_dir, self._id, incarnation.attempt))
            self._folder.connection(incarnation.attempt).unlink(missing_ok=True)

    async def close(self, journal: Journal) -> None:
        """See the last record of the kernel written, and note how to open its journal quickly."""
        remove_ipc_of(self._surroundings.data_dir, self._id)
        await journal.until_closed()
        try:
            self._folder.mark_ended(journal)
        except OSError as error:
            self._log.warning("kernel.mark_failed", problem=str(error))
