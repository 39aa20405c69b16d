"""The watched directory: kernels whose connection files lie there are attached, and let go of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kernelyard.model.errors import AgentUnavailable, YardError
from kernelyard.model.kernel_phases import Phase
from kernelyard.model.kernels import Kernel
from kernelyard.model.principals import ADMIN_NAME, Principal, Role
from kernelyard.ports.stores import KernelQuery
from kernelyard.wire.foreign import ExternalKernel, ExternalList
from kernelyard.yard.foreign import ForeignKernels
from kernelyard.yard.log import event, failure
from kernelyard.yard.world import World

LOOK_SECONDS = 2.0
FILE_LABEL = "kernelyard/connection-file"
DIRECTORY_LABEL = "kernelyard/connection-dir"
_LONGEST_LABEL = 256
_OPEN = frozenset(phase for phase in Phase if not phase.is_final)
_OWNER = Principal(ADMIN_NAME, Role.ADMIN)


class ExternalKernels:
    """Looks into one directory of the agent's machine again and again.

    Any number of servers may look into the same one: a kernel is attached once, whoever is first.
    What somebody has detached is not attached again before its file is written anew; the agent
    remembers that.
    """

    def __init__(self, world: World, foreign: ForeignKernels, directory: Path) -> None:
        self._store = world.store
        self._agents = world.agents
        self._clock = world.clock
        self._foreign = foreign
        self._directory = str(directory)
        self._labels = {DIRECTORY_LABEL: self._directory[-_LONGEST_LABEL:]}
        self._told: dict[str, str] = {}
        """What was said of each file, so that it is said once."""

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self.look()
            except AgentUnavailable as error:
                self._agents.mistrust()
                event("external.waits", error=error.message)
            except YardError as error:
                event("external.waits", code=error.code, error=error.message)
            except Exception as error:  # noqa: BLE001 - it is looked at again, whatever happens
                failure("external.failed", error)
            await self._clock.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Attach what is new and let go of what has no file any more. Raises AgentUnavailable."""
        link = await self._agents.link()
        found = await link.external_files(self._directory)
        problems = {one.file: one.problem for one in found.refused}
        if found.problem is None:
            await self._let_go(found)
            for one in found.kernels:
                if (problem := await self._attach(one)) is not None:
                    problems[one.file] = problem
        else:
            problems[self._directory] = found.problem
        self._tell(problems)

    async def _attach(self, found: ExternalKernel) -> str | None:
        """Attach a kernel unless it is; return why that cannot be, if so."""
        known = await self._store.kernels.live_by_identity(_OWNER.name, found.identity)
        if known is not None:
            return None
        labels = {**self._labels, FILE_LABEL: found.file[:_LONGEST_LABEL]}
        try:
            await self._foreign.attach_file(_OWNER, self._directory, found, labels)
        except AgentUnavailable:
            raise
        except YardError as error:
            return error.message
        return None

    async def _let_go(self, found: ExternalList) -> None:
        present = {file[:_LONGEST_LABEL] for file in found.present}
        for kernel in await self._attached():
            file = kernel.labels.get(FILE_LABEL, "")
            if file not in present:
                await self._foreign.let_go(kernel, f"its connection file {file} has disappeared")

    async def _attached(self) -> list[Kernel]:
        """The kernels that were attached because of this directory, and are."""
        query = KernelQuery(owner=_OWNER.name, phases=_OPEN, labels=self._labels)
        page = await self._store.kernels.find(query)
        found = list(page.items)
        while page.next is not None:
            page = await self._store.kernels.find(
                KernelQuery(owner=_OWNER.name, phases=_OPEN, labels=self._labels, before=page.next)
            )
            found += page.items
        return [kernel for kernel in found if kernel.takes_tasks]

    def _tell(self, problems: Mapping[str, str]) -> None:
        """Log what is new among the problems."""
        for file, problem in problems.items():
            if self._told.get(file) != problem:
                event("external.refused", file=file, problem=problem)
        self._told = dict(problems)
