"""A store and the store in memory are asked the same things at random, and must answer the same."""

# ruff: noqa: S101 - this is a test suite

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace

import pytest
import pytest_asyncio

from kernelyard.model.errors import YardError
from kernelyard.model.kernel_phases import Phase, Wanted
from kernelyard.model.kernels import Kernel, StateChange
from kernelyard.model.paging import Page
from kernelyard.model.records import RecordKind
from kernelyard.model.tasks import Task, TaskState
from kernelyard.ports.stores import Idempotency, KernelQuery, Store, TaskQuery
from kernelyard.stores.memory.store import MemoryStore
from kernelyard.testing.stores.builders import NOON, Journal, a_kernel, a_task, append
from kernelyard.testing.stores.opening import Opening

OWNERS = (None, "ada", "bob")


@dataclass(slots=True)
class Side:
    """One of the two stores, with the numbers that it gave, in order."""

    store: Store
    kernels: list[int] = field(default_factory=list)
    tasks: list[int] = field(default_factory=list)

    def plain(self, answer: object) -> object:
        """An answer in which numbers of the store's own are replaced by places in the order."""
        match answer:
            case Kernel():
                return replace(answer, no=self.kernels.index(answer.no))
            case Task():
                place = self.kernels.index(answer.kernel_no)
                return replace(answer, no=self.tasks.index(answer.no), kernel_no=place)
            case StateChange():
                return replace(answer, number=0)
            case Page():
                return [self.plain(item) for item in answer.items], answer.next is None
            case tuple() | list():
                return [self.plain(item) for item in answer]
            case _:
                return answer


class Twins:
    """Does the same to both sides and compares what they say."""

    def __init__(self, sides: tuple[Side, Side], chance: random.Random) -> None:
        self.sides = sides
        self.chance = chance
        self.journals: list[Journal] = []
        self.queued: list[int] = []
        self.now = NOON

    async def both(self, ask: Callable[[Side], Awaitable[object]]) -> None:
        """Ask both; an error is an answer, too."""
        answers = []
        for side in self.sides:
            try:
                answers.append(side.plain(await ask(side)))
            except YardError as error:
                answers.append(type(error))
        assert answers[0] == answers[1]

    async def step(self) -> None:
        """Do one thing, and ask about something."""
        self.now += 1000
        if not self.journals or self.chance.random() < 0.08:
            await self._make_kernel()
        place = self.chance.randrange(len(self.journals))
        act = self.chance.choice(
            (
                self._submit,
                self._submit,
                self._copy,
                self._copy,
                self._copy,
                self._move,
                self._cancel,
            )
        )
        await act(place)
        await self.chance.choice((self._list_kernels, self._list_tasks, self._look_at))(place)

    def key(self) -> Idempotency | None:
        """Sometimes a key, sometimes one that was used."""
        if self.chance.random() < 0.7:
            return None
        return Idempotency(self.chance.choice("abc"), self.chance.choice("xy"))

    async def _make_kernel(self) -> None:
        kernel = a_kernel(
            self.chance.choice((None, "one", "two")),
            owner=self.chance.choice(("ada", "bob")),
            labels=self.chance.choice(({}, {"k": "1"}, {"k": "1", "l": "2"})),
            created_at=self.now,
        )
        key = self.key()

        async def insert(side: Side) -> object:
            kept, made = await side.store.kernels.insert(kernel, key)
            if made:
                side.kernels.append(kept.no)
            return kept, made

        await self.both(insert)
        if len(self.sides[0].kernels) > len(self.journals):
            self.journals.append(Journal())
            self.queued.append(0)
        elif not self.journals:
            await self._make_kernel()

    async def _submit(self, place: int) -> None:
        key = self.key()
        found = await self.sides[0].store.kernels.by_no(self.sides[0].kernels[place])
        if found is None:
            return
        task = a_task(found, labels=self.chance.choice(({}, {"k": "1"})), created_at=self.now)

        async def insert(side: Side) -> object:
            mine = replace(task, kernel_no=side.kernels[place])
            kept, made = await side.store.tasks.insert(mine, key)
            if made:
                side.tasks.append(kept.no)
            return kept, made

        before = len(self.sides[0].tasks)
        await self.both(insert)
        self.queued[place] += len(self.sides[0].tasks) - before

    async def _copy(self, place: int) -> None:
        journal = self.journals[place]
        for _ in range(self.chance.randint(1, 6)):
            self.happen(journal, self.queued[place])
        begin = max(0, len(journal.records) - self.chance.randint(1, 10))
        batch = journal.records[begin:]
        await self.both(
            lambda side: append(side.store, replace(a_kernel(), no=side.kernels[place]), batch)
        )

    def happen(self, journal: Journal, queued: int) -> None:
        """Something, not always likely, happens on a kernel."""
        seq = self.chance.randint(1, max(1, queued))
        match self.chance.randrange(40):
            case 0:
                journal.kernel_ended(self.chance.choice(("died", "asked")), "so")
            case 1:
                journal.add(RecordKind.KERNEL_STOPPING, cause="asked", reason="why")
            case 2:
                journal.add(RecordKind.KERNEL_RESTARTING, attempt=2, reason=None)
            case 3 | 4 | 5:
                journal.ready(self.chance.randint(1, 2))
            case n if n < 15 and queued:
                journal.started(seq)
            case n if n < 24 and queued:
                state = self.chance.choice(("succeeded", "failed", "cancelled", "lost"))
                journal.ended(seq, state, self.chance.choice((None, "r")))
            case _:
                journal.said(self.chance.randint(0, 6), "x" * self.chance.randint(0, 50))

    async def _move(self, place: int) -> None:
        at, phase = self.now, self.chance.choice(list(Phase))
        wanted = self.chance.choice((Wanted.STOP, Wanted.RUN, Wanted.GONE))
        lot = self.chance.randrange(12)

        async def act(side: Side) -> object:
            kernels, no = side.store.kernels, side.kernels[place]
            match lot:
                case 0 | 1:
                    return await kernels.want(no, wanted, "wanted", at)
                case 2:
                    return await kernels.settle(no, phase, TaskState.CANCELLED, "set", at)
                case 3:
                    await kernels.remove(no)
                    return None
                case n if n < 7:
                    return await kernels.want_attempt(no, at)
                case _:
                    return await kernels.enter(no, Phase.LAUNCHING, "soon", at)

        await self.both(act)

    async def _cancel(self, _place: int) -> None:
        if not self.sides[0].tasks:
            return
        place = self.chance.randrange(len(self.sides[0].tasks))
        await self.both(lambda side: side.store.tasks.request_cancel(side.tasks[place]))

    async def _list_kernels(self, place: int) -> None:
        some = frozenset(self.chance.sample(list(Phase), self.chance.randint(0, 4)))
        query = KernelQuery(
            owner=self.chance.choice(OWNERS),
            phases=self.chance.choice((None, some)),
            name=self.chance.choice((None, None, "one")),
            labels=self.chance.choice(({}, {"k": "1"})),
            limit=self.chance.randint(1, 5),
        )
        inner = self.chance.random() < 0.5
        await self.both(
            lambda side: side.store.kernels.find(
                replace(query, before=side.kernels[place] if inner else None)
            )
        )

    async def _list_tasks(self, place: int) -> None:
        some = frozenset(self.chance.sample(list(TaskState), self.chance.randint(0, 3)))
        query = TaskQuery(
            owner=self.chance.choice(OWNERS),
            states=self.chance.choice((None, some)),
            labels=self.chance.choice(({}, {}, {"k": "1"})),
            limit=self.chance.randint(1, 9),
        )
        inner = self.chance.random() < 0.5
        before = self.chance.randrange(len(self.sides[0].tasks) + 1)
        await self.both(
            lambda side: side.store.tasks.find(
                replace(
                    query,
                    kernel_no=side.kernels[place] if inner else None,
                    before=side.tasks[before] if before < len(side.tasks) else None,
                )
            )
        )

    async def _look_at(self, place: int) -> None:
        after, limit = self.chance.randint(0, 9), self.chance.randint(1, 30)
        seq = self.chance.choice((None, 0, 1, 2))
        owner, one = self.chance.choice(OWNERS), self.chance.random() < 0.5

        async def look(side: Side) -> object:
            store, no = side.store, side.kernels[place]
            return [
                await store.kernels.by_no(no),
                await store.kernels.history(no),
                await store.kernels.unfinished(),
                await store.kernels.live_count(),
                await store.kernels.live_by_name("ada", "one"),
                await store.tasks.undelivered(no, after % 4, limit),
                await store.tasks.cancelling(no),
                await store.outputs.read(no, after, seq=seq, limit=limit, most_bytes=500),
                await store.events.read(
                    10 * after, owner=owner, kernel_no=no if one else None, limit=limit
                ),
                await store.events.last(),
            ]

        await self.both(look)


class TwinConformance(Opening):
    """Whatever happens, a store answers as the store in memory does."""

    @pytest_asyncio.fixture
    async def model(self) -> AsyncIterator[Store]:
        """The store in memory."""
        store = MemoryStore()
        yield store
        await store.aclose()

    @pytest.mark.parametrize("seed", range(6))
    async def test_it_answers_as_the_store_in_memory_does(
        self, store: Store, model: Store, seed: int
    ) -> None:
        twins = Twins((Side(store), Side(model)), random.Random(seed))  # noqa: S311 - repeatable
        for _ in range(120):
            await twins.step()
