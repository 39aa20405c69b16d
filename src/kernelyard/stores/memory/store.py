"""A store in memory: complete, and gone with its process. For tests and for trying things out."""

from __future__ import annotations

from kernelyard.ports.bell import Bell
from kernelyard.stores.memory.events import MemoryEvents
from kernelyard.stores.memory.kernels import MemoryKernels
from kernelyard.stores.memory.leases import MemoryLeases
from kernelyard.stores.memory.names import (
    MemoryChoices,
    MemoryImages,
)
from kernelyard.stores.memory.notebooks import MemoryNotebookSpecs
from kernelyard.stores.memory.outputs import MemoryOutputs
from kernelyard.stores.memory.people import MemoryAudit, MemoryUsers
from kernelyard.stores.memory.pools import MemoryPools
from kernelyard.stores.memory.quotas import MemoryQuotas
from kernelyard.stores.memory.shelf import Shelf
from kernelyard.stores.memory.tasks import MemoryTasks


class MemoryStore:
    """``Store`` over dictionaries. No method gives way to others half-way, so each is one step."""

    def __init__(self, *, shared: bool = False) -> None:
        """``shared``: several yards of one process have it."""
        shelf = Shelf()
        self.shared = shared
        self.kernels = MemoryKernels(shelf)
        self.tasks = MemoryTasks(shelf)
        self.outputs = MemoryOutputs(shelf)
        self.events = MemoryEvents(shelf)
        self.images = MemoryImages()
        self.notebook_specs = MemoryNotebookSpecs()
        self.choices = MemoryChoices()
        self.users = MemoryUsers(shelf, self.choices)
        self.templates = self.users.templates
        self.tokens = self.users.tokens
        self.audit = MemoryAudit()
        self.pools = MemoryPools(shelf, self.kernels)
        self.quotas = MemoryQuotas(shelf, self.kernels, self.tasks, self.pools)
        self.leases = MemoryLeases(shelf)

    def bell(self, local: Bell) -> Bell:
        """Nobody outside of this process is to hear anything."""
        return local

    async def ping(self) -> None:
        """It always answers."""

    async def aclose(self) -> None:
        """Nothing is to be closed."""
