"""Who did what, when, from where and with which token is written down, and kept as long as is said."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from kernelyard.model.audit import Action, AuditEntry, AuditQuery
from kernelyard.model.errors import Forbidden, Unavailable
from kernelyard.model.images import ImageChange
from kernelyard.model.principals import Principal, Role
from kernelyard.model.tasks import TaskOrder
from kernelyard.model.templates import Template
from kernelyard.stores.memory.people import MemoryAudit
from kernelyard.stores.memory.store import MemoryStore
from kernelyard.testing import FakeClock
from kernelyard.yard.audit import AT_ONCE, MOST_WAITING, AuditTrail
from kernelyard.yard.limits import Limits
from kernelyard.yard.users import UserChange

from tests.support.yard_house import ADMIN, ANN, YardHouse, a_yard, eventually

FROM = replace(ANN, address="10.0.0.7", token_id="t-1")


async def told(house: YardHouse, **asked: str) -> list[AuditEntry]:
    """What an administrator is told, oldest first."""
    entries, _ = await house.yard.audit.list(ADMIN, AuditQuery(**asked), None, None)  # type: ignore[arg-type]
    return entries[::-1]


async def test_what_is_done_to_kernels_and_tasks_is_told_with_who_and_where(
    house: YardHouse,
) -> None:
    kernel = await house.kernel(who=FROM)
    task = await house.task(kernel, "print:1", who=FROM)
    await house.ended(task)
    await house.yard.kernels.interrupt(FROM, kernel.id)
    await house.yard.kernels.restart(FROM, kernel.id)
    await house.yard.kernels.terminate(ADMIN, kernel.id)
    await house.yard.kernels.delete(FROM, kernel.id)
    done = await told(house)
    assert [(one.user, one.action) for one in done] == [
        ("ann", "kernel.create"),
        ("ann", "task.run"),
        ("ann", "kernel.interrupt"),
        ("ann", "kernel.restart"),
        ("admin", "kernel.terminate"),
        ("ann", "kernel.delete"),
    ]
    assert {(one.address, one.token_id) for one in done if one.user == "ann"} == {
        ("10.0.0.7", "t-1")
    }
    assert (done[1].subject, done[1].details) == (task.id, {"kernel": kernel.id})


async def test_so_is_what_is_done_to_tokens_users_templates_and_images(house: YardHouse) -> None:
    record, text = await house.yard.tokens.create(ADMIN, "ann")
    await house.yard.access.exchange(text, 60)
    await house.yard.users.update(ADMIN, "ann", UserChange(disabled=True))
    await house.yard.templates.create(ANN, Template(name="small"))
    await house.yard.images.update(ADMIN, "python3", ImageChange(disabled=True))
    await house.yard.tokens.remove(ADMIN, record.id)
    await house.yard.users.remove(ADMIN, "ann")
    done = [(one.user, one.action, one.subject) for one in await told(house)]
    assert done == [
        ("admin", "token.create", record.id),
        ("ann", "token.exchange", record.id),
        ("admin", "user.update", "ann"),
        ("ann", "template.create", "small"),
        ("admin", "image.update", "python3"),
        ("admin", "token.revoke", record.id),
        ("admin", "user.delete", "ann"),
    ]
    assert text not in repr(await told(house))


async def test_what_was_not_done_or_done_before_is_not_told(house: YardHouse) -> None:
    kernel = await house.kernel()
    for _ in range(2):
        await house.yard.tasks.submit(
            ANN, kernel.id, TaskOrder(code="print:1"), idempotency_key="k"
        )
    with pytest.raises(Forbidden):
        await house.yard.images.remove(ANN, "python3")
    assert [one.action for one in await told(house)] == ["kernel.create", "task.run"]


async def test_it_is_narrowed_and_paged_for_administrators_alone(house: YardHouse) -> None:
    for name in ("a", "b", "c"):
        await house.yard.templates.create(ANN, Template(name=name))
    await house.yard.templates.create(ADMIN, Template(name="d"))
    audit = house.yard.audit
    first, cursor = await audit.list(ADMIN, AuditQuery(user="ann"), None, 2)
    rest, end = await audit.list(ADMIN, AuditQuery(user="ann"), cursor, 2)
    assert ([one.subject for one in first + rest], end) == (["c", "b", "a"], None)
    assert [one.subject for one in await told(house, subject="d")] == ["d"]
    assert await told(house, action="task.run") == []
    with pytest.raises(Forbidden):
        await audit.list(ANN, AuditQuery(), None, None)


async def test_what_is_noted_is_written_in_a_moment_and_at_the_end() -> None:
    store = MemoryStore()
    async with a_yard(store=store) as house:
        kernel = await house.kernel()

        async def written() -> list[str]:
            return [one.action for one in (await store.audit.find(AuditQuery())).items]

        async def is_written() -> bool:
            return await written() == ["kernel.create"]

        await eventually(is_written)
        await house.yard.kernels.terminate(ANN, kernel.id)
    assert await written() == ["kernel.terminate", "kernel.create"]


class AwayAudit(MemoryAudit):
    """Cannot be written as long as a test says so."""

    away = True

    async def write(self, entries: Sequence[AuditEntry]) -> None:
        if self.away:
            raise Unavailable
        await super().write(entries)


async def test_a_store_that_is_away_hinders_nobody_and_gets_it_later() -> None:
    store = AwayAudit()
    trail = AuditTrail(store, FakeClock(), Limits())
    await trail.write(ANN, Action.TEMPLATE_CREATE, "a")
    trail.note(ANN, Action.TASK_RUN, "b")
    store.away = False
    await trail.write(ANN, Action.TASK_RUN, "c")
    subjects = [one.subject for one in (await store.find(AuditQuery())).items]
    assert subjects == ["c", "b", "a"]


async def test_what_waits_for_it_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    store = AwayAudit()
    trail = AuditTrail(store, FakeClock(), Limits())
    for number in range(MOST_WAITING + 3):
        trail.note(ANN, Action.TASK_RUN, str(number))
    await trail.write(ANN, Action.TASK_RUN, "last")
    assert "audit.lost" in caplog.text
    store.away = False
    await trail.aclose()
    kept = (await store.find(AuditQuery(limit=MOST_WAITING * 2))).items
    assert (len(kept), kept[0].subject, kept[-1].subject) == (MOST_WAITING, "last", "4")


class StuckAudit(MemoryAudit):
    """Answers a write when a test lets it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.gate = asyncio.Event(), asyncio.Event()

    async def write(self, entries: Sequence[AuditEntry]) -> None:
        self.asked.set()
        await self.gate.wait()
        await super().write(entries)


async def test_it_is_bounded_also_while_a_write_does_not_come_to_its_end() -> None:
    store = StuckAudit()
    trail = AuditTrail(store, FakeClock(), Limits())
    writing = asyncio.create_task(trail.write(ANN, Action.TASK_RUN, "first"))
    await store.asked.wait()
    for number in range(MOST_WAITING + AT_ONCE):
        trail.note(ANN, Action.TASK_RUN, str(number))
    store.gate.set()
    await writing
    kept = (await store.find(AuditQuery(limit=MOST_WAITING * 2))).items
    assert [one.subject for one in kept[-2:]] == [str(AT_ONCE), "first"]
    assert len(kept) == MOST_WAITING + 1


async def test_it_is_kept_as_long_as_the_settings_say() -> None:
    store, clock = MemoryAudit(), FakeClock()
    trail = AuditTrail(store, clock, Limits(keep_audit_seconds=60))
    await trail.write(Principal("ann", Role.USER), Action.TASK_RUN, "old")
    await clock.advance(61)
    await trail.write(ANN, Action.TASK_RUN, "new")
    await trail.forget_old()
    assert [one.subject for one in (await store.find(AuditQuery())).items] == ["new"]
