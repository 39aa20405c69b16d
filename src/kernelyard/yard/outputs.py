"""Outputs: read by number, while a task runs and ever after."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Literal

from kernelyard.model.errors import CursorBeyondEnd, Invalid, Unavailable
from kernelyard.model.kernels import Kernel
from kernelyard.model.outputs import Aggregate, Aggregation, OutputPage
from kernelyard.model.paging import checked_limit
from kernelyard.model.principals import Principal, Scope
from kernelyard.model.projection import body_of
from kernelyard.model.records import Record, RecordKind
from kernelyard.model.tasks import Task
from kernelyard.ports.bell import kernel_topic
from kernelyard.yard.attachments import Attachments
from kernelyard.yard.leasing import LEASE_SECONDS, ROUND_SECONDS
from kernelyard.yard.relaying import MOST_BYTES, MOST_RECORDS, Ending, Outcome, Relay
from kernelyard.yard.sharing import Batch, Crowds, Followed
from kernelyard.yard.tasks import Run
from kernelyard.yard.watching import watch
from kernelyard.yard.world import World

_CATCHING_UP_SECONDS = LEASE_SECONDS + 4 * ROUND_SECONDS
"""How long a number is waited for that a server now gone may have passed on before it was stored: until
its lease has run out, and some time for the next one to begin."""
_MICROS = 1_000_000


class Outputs:
    """One number is the cursor for paging, following and coming back."""

    def __init__(self, world: World, attachments: Attachments) -> None:
        self._store = world.store
        self._limits = world.limits
        self._attachments = attachments
        self._bell = world.bell
        self._clock = world.clock
        self._tails = world.tails
        self._crowds = Crowds[Record, Ending](world.bell)

    async def page(self, who: Principal, task_id: str, after: int, limit: int | None) -> OutputPage:
        """Return some of a task's records after number ``after``.

        Raises TaskNotFound, Invalid, CursorBeyondEnd, Unavailable.
        """
        who.must(Scope.READ)
        size = checked_limit(limit, largest=self._limits.largest_page)
        task = await self._store.tasks.get(task_id, who.sees)
        await self._check_after(task.kernel_no, after)
        records = await self._of_task(task, after, size)
        last = records[-1].number if records else after
        return OutputPage(
            records, last, task.state.is_final and _is_last(task.last_number, last, records)
        )

    async def kernel_page(
        self, who: Principal, kernel_id: str, after: int, limit: int | None
    ) -> OutputPage:
        """Return some of a kernel's journal. Raises KernelNotFound, Invalid, CursorBeyondEnd."""
        who.must(Scope.READ)
        size = checked_limit(limit, largest=self._limits.largest_page)
        kernel = await self._store.kernels.get(kernel_id, who.sees)
        await self._check_after(kernel.no, after, kernel)
        read = await self._store.outputs.read(kernel.no, after, limit=size)
        records = _as_if_made_for_him(kernel, read)
        last = records[-1].number if records else after
        complete = kernel.journal_closed and _is_last(kernel.stored_number, last, records)
        return OutputPage(records, last, complete)

    async def follow(self, who: Principal, task_id: str, after: int) -> AsyncIterator[Outcome]:
        """Return an iterator over a task's records after ``after``, those to come included.

        The last batch has the ended task as its end; an empty one now and then is a sign of life.
        Raises TaskNotFound, Invalid, CursorBeyondEnd before the first record.
        """
        who.must(Scope.READ)
        task = await self._store.tasks.get(task_id, who.sees)
        await self._check_after(task.kernel_no, after)

        relay = Relay(self._tails, task.kernel_no, task.seq)

        async def read(after: int) -> Outcome:
            if (relayed := relay.batch(after)) is not None:
                return relayed
            stored = relay.stored()
            # The row first: a task whose row says ended has all its records in the store.
            known = await self._store.tasks.get(task.id, None)
            records = await self._of_task(known, after, MOST_RECORDS)
            last = records[-1].number if records else after
            over = known.state.is_final and _is_last(known.last_number, last, records)
            batch: Outcome = Batch(records, end=known if over else None, more=_is_full(records))
            relay.has_read(after, batch, stored)
            return batch

        batches = watch(self._crowds, Followed(task.id, kernel_topic(task.kernel_no), read), after)
        return batches if task.state.is_final else self._listening(task.kernel_no, batches)

    async def kernel_follow(
        self, who: Principal, kernel_id: str, after: int
    ) -> AsyncIterator[Outcome]:
        """As ``follow``, for the whole journal of a kernel, until it is closed.

        Whoever follows is attached to the kernel, which is then not idle.
        """
        who.must(Scope.READ)
        kernel = await self._store.kernels.get(kernel_id, who.sees)
        await self._check_after(kernel.no, after, kernel)

        relay = Relay(self._tails, kernel.no, None)

        async def read(after: int) -> Outcome:
            if (relayed := relay.batch(after)) is not None:
                return relayed
            stored = relay.stored()
            known = await self._store.kernels.get(kernel.id, None)
            found = await self._store.outputs.read(
                kernel.no, after, limit=MOST_RECORDS, most_bytes=MOST_BYTES
            )
            records = _as_if_made_for_him(known, found)
            last = records[-1].number if records else after
            over = known.journal_closed and _is_last(known.stored_number, last, records)
            batch: Outcome = Batch(records, end=known if over else None, more=_is_full(records))
            relay.has_read(after, batch, stored)
            return batch

        batches = watch(self._crowds, Followed(kernel.id, kernel_topic(kernel.no), read), after)
        if kernel.phase.is_final:
            return batches
        return self._attached(kernel.id, self._listening(kernel.no, batches))

    async def _listening(
        self, kernel_no: int, batches: AsyncGenerator[Outcome, None]
    ) -> AsyncGenerator[Outcome, None]:
        with self._tails.read(kernel_no):
            async with aclosing(batches):
                async for batch in batches:
                    yield batch
                    del batch

    async def _attached(
        self, kernel_id: str, batches: AsyncGenerator[Outcome, None]
    ) -> AsyncGenerator[Outcome, None]:
        async with self._attachments.attached(kernel_id), aclosing(batches):
            async for batch in batches:
                yield batch
                del batch

    async def streams(
        self, who: Principal, task_id: str, name: Literal["stdout", "stderr"]
    ) -> AsyncIterator[str]:
        """Return an iterator over the text of one stream of a task, as far as it is there.

        Raises TaskNotFound.
        """
        who.must(Scope.READ)
        task = await self._store.tasks.get(task_id, who.sees)
        return self._stream_texts(task, name)

    async def result(self, who: Principal, task_id: str) -> Aggregate:
        """Return everything a task said, put together. Raises TaskNotFound."""
        who.must(Scope.READ)
        return await self.result_of(await self._store.tasks.get(task_id, who.sees))

    async def result_of(self, task: Task) -> Aggregate:
        """As ``result``, for a task that was just read for who asks."""
        whole = Aggregation()
        first: int | None = None
        async for records in self._stored(task):
            first = first or records[0].number
            whole.add_all(records)
        if await self._removed(task, first):
            return Aggregate(task=task, stdout="", stderr="", outputs_removed=True)
        return whole.result(task)

    async def result_of_run(self, run: Run) -> Aggregate:
        """As ``result_of``, for a task that was waited for; what was heard is not read again."""
        if run.records is None:
            return await self.result_of(run.task)
        whole = Aggregation()
        whole.add_all(run.records)
        return whole.result(run.task)

    async def _removed(self, task: Task, first: int | None) -> bool:
        """Whether its outputs, which begin with number ``first``, were removed or are about to be.

        The kernel's row is read only where the beginning is missing.
        """
        if not task.state.is_final or first == (task.first_number or task.last_number):
            return False
        kernel = await self._store.kernels.by_no(task.kernel_no)
        return kernel is not None and kernel.outputs_removed_at is not None

    async def _of_task(self, task: Task, after: int, limit: int) -> list[Record]:
        if task.first_number is None:
            if task.last_number is None:
                return []
            start = task.last_number - 1
        else:
            start = task.first_number - 1
        return await self._store.outputs.read(
            task.kernel_no,
            max(after, start),
            seq=task.seq,
            through=task.last_number,
            limit=limit,
            most_bytes=MOST_BYTES,
        )

    async def _stored(self, task: Task) -> AsyncIterator[list[Record]]:
        after = 0
        while records := await self._of_task(task, after, MOST_RECORDS):
            yield records
            after = records[-1].number
            if after == task.last_number:
                return

    async def _stream_texts(self, task: Task, name: str) -> AsyncIterator[str]:
        async for records in self._stored(task):
            for record in records:
                if record.kind is RecordKind.STREAM:
                    content = body_of(record)
                    text = content.get("text")
                    if content.get("name") == name and isinstance(text, str):
                        yield text

    async def _check_after(self, kernel_no: int, after: int, kernel: Kernel | None = None) -> None:
        if after < 0:
            raise Invalid("'after' must be 0 or the number of an output.", field="after")
        if after == 0:
            return
        with self._tails.read(kernel_no):
            stored = await self._reached(kernel_no, after, kernel)
        if stored is not None:
            raise CursorBeyondEnd(
                f"'after' is {after}, and this kernel's outputs are numbered up to "
                f"{stored}. A number is good for its own kernel only; begin again "
                "with after=0.",
                field="after",
            )

    async def _reached(self, kernel_no: int, after: int, kernel: Kernel | None) -> int | None:
        """Wait for a record that may have been passed on and not stored; return the last if there is
        none such.

        Raises Unavailable while nobody can know.
        """
        topic = kernel_topic(kernel_no)
        until = self._clock.now() + int(_CATCHING_UP_SECONDS * _MICROS)
        while True:
            mark = self._bell.mark(topic)
            tail = self._tails.of(kernel_no)
            # The tail first: what it does not have any more is stored then.
            if tail is not None and after <= tail.last:
                return None
            sure = tail is not None and tail.caught_up
            known = kernel or await self._store.kernels.by_no(kernel_no)
            kernel = None
            if known is None or after <= known.stored_number:
                return None
            if sure or known.journal_closed:
                return known.stored_number
            left = (until - self._clock.now()) / _MICROS
            if left <= 0 or self._bell.muffled:
                raise Unavailable(
                    f"Whether this kernel has an output {after} cannot be told at the moment: what it "
                    "said last is not stored yet. Nothing is lost; try again shortly."
                )
            await self._bell.wait(topic, mark, min(left, _CATCHING_UP_SECONDS))


def _as_if_made_for_him(kernel: Kernel, records: list[Record]) -> list[Record]:
    """What happened to a kernel while it waited in a pool is shown as of the moment it was claimed."""
    begin = kernel.created_at
    if not kernel.claimed or not records or records[0].at >= begin:
        return records
    return [replace(one, at=begin) if one.at < begin else one for one in records]


def _is_last(last_number: int | None, last: int, records: list[Record]) -> bool:
    """Whether nothing is behind ``records``; what was kept long enough may be missing among them."""
    return not records or (last_number is not None and last >= last_number)


def _is_full(records: list[Record]) -> bool:
    """Whether a read that brought so much was most likely cut short."""
    size = sum(len(record.body) for record in records)
    return len(records) == MOST_RECORDS or 2 * size > MOST_BYTES
