"""Dispatch: handing a kernel's tasks and cancellations to its agent, in order, until acknowledged."""

from __future__ import annotations

from collections.abc import Iterator

from kernelyard.model.errors import TaskFinished
from kernelyard.model.tasks import Assignment, Cancellation, Task
from kernelyard.ports.agent_link import AgentLink
from kernelyard.yard.world import World

_BATCH = 200
MOST_CODE = 8 * 1024 * 1024
"""Characters in one submission, unless a single task has more. As JSON each may take six bytes."""
_MOST_OFFERED = 1000


class Dispatch:
    """Knows up to which task the agent has acknowledged. Starts from nothing after a crash."""

    def __init__(self, kernel_no: int, world: World) -> None:
        self._no = kernel_no
        self._store = world.store
        self._limits = world.limits
        self._acknowledged = 0
        self._begun = False
        self._offered: list[Task] = []
        self._look_at_row = True
        self._look_at_queue = True

    @property
    def only_offers(self) -> bool:
        """Whether offered tasks are all there is to do: nothing else may have changed."""
        return bool(self._offered) and self._begun and not self._look_at_row

    def look(self) -> None:
        """Row and queue may have changed in any way."""
        self._look_at_row = True
        self._look_at_queue = True

    def look_at_row(self) -> None:
        """The kernel's row has changed, its queue has not."""
        self._look_at_row = True

    def begin_with_none(self) -> None:
        """The kernel has just been made and has no task; its row is to be looked at."""
        self._begun = True
        self._look_at_row = True
        self._look_at_queue = False

    def start_again(self) -> None:
        """The agent may have forgotten everything: hand over all open tasks anew."""
        self._acknowledged = 0
        self._begun = False
        self._offered.clear()
        self.look()

    def offer(self, task: Task) -> None:
        """Take a task that has just been stored."""
        if len(self._offered) < _MOST_OFFERED:
            self._offered.append(task)
        else:
            self._look_at_queue = True

    async def hand_over(self, link: AgentLink) -> None:
        """Hand over what is due. Raises AgentUnavailable, KernelNotFound, KernelEnded."""
        self._look_at_row = False
        offered = sorted(self._offered, key=lambda task: task.seq)
        self._offered.clear()
        in_order = [task for task in offered if task.seq > self._acknowledged]
        gapless = [task.seq for task in in_order] == list(
            range(self._acknowledged + 1, self._acknowledged + 1 + len(in_order))
        )
        if self._look_at_queue or not self._begun or not gapless:
            self._look_at_queue = False
            await self._from_store(link)
            self._begun = True
        elif in_order:
            await self._submit(link, in_order)

    async def _from_store(self, link: AgentLink) -> None:
        # Cancellations first: a task that is not there yet is then cancelled when it comes.
        await self.cancel_what_is_asked(link)
        while True:
            tasks = await self._store.tasks.undelivered(self._no, self._acknowledged, _BATCH)
            if not tasks:
                break
            await self._submit(link, tasks)

    async def cancel_what_is_asked(self, link: AgentLink) -> None:
        """Tell the agent of every open task that is to be cancelled."""
        for task in await self._store.tasks.cancelling(self._no):
            try:
                how = task.cancellation or Cancellation()
                reason = f"cancelled by {how.by}" if how.by else "cancelled on request"
                await link.cancel(task.kernel_id, task.id, task.seq, reason, how)
            except TaskFinished:
                continue

    async def _submit(self, link: AgentLink, tasks: list[Task]) -> None:
        for some in portions(tasks):
            await link.submit(some[0].kernel_id, [self._assignment(task) for task in some])
            self._acknowledged = some[-1].seq

    def _assignment(self, task: Task) -> Assignment:
        return Assignment(
            task_id=task.id,
            seq=task.seq,
            code=task.code,
            output_limit_bytes=self._limits.task_output_bytes,
            needs=task.needs_seq,
            limits=task.limits,
        )


def portions(tasks: list[Task]) -> Iterator[list[Task]]:
    """Split tasks so that the code of each portion fits easily into a frame of the link."""
    portion: list[Task] = []
    size = 0
    for task in tasks:
        if portion and size + len(task.code) > MOST_CODE:
            yield portion
            portion, size = [], 0
        portion.append(task)
        size += len(task.code)
    if portion:
        yield portion
