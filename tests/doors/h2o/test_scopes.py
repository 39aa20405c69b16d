"""What tokens of less than everything may do with kernels and tasks at the H2O door, and what is written down.

- a token for reading sees, and changes nothing
- a token for running queues and cancels, and makes and ends no kernels
- a revoked token is refused
- who did what here is in the audit trail
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from kernelyard.model.principals import Principal, Role

from tests.doors.h2o.orders import PARENT, created, order, queued
from tests.doors.h2o.wire import Answer, Wire
from tests.support.http_house import House

ADMIN = Principal("admin", Role.ADMIN)
PERMISSION_DENIED = (403, 7)
UNAUTHENTICATED = (401, 16)
Holding = Callable[..., Awaitable[Wire]]


@pytest.fixture
async def holding(house: House, user: Wire) -> Holding:
    """The door as ada meets it with a token of these scopes."""

    async def with_scopes(*scopes: str) -> Wire:
        name = "-".join(scopes)
        _, token = await house.yard.tokens.create(ADMIN, name, user="ada", scopes=scopes)
        return user.holding(token)

    return with_scopes


async def changes(wire: Wire, kernel: str, task: str) -> dict[str, Answer]:
    """What comes of everything that changes something."""
    return {
        "queue": await wire.post(kernel, "/tasks", {"code": "print:x"}),
        "cancel": await wire.post(task, ":cancel", {}),
        "create": await wire.post(PARENT, "/kernels", order()),
        "terminate": await wire.post(kernel, ":terminate", {}),
        "delete": await wire.delete(kernel),
    }


async def test_a_token_for_reading_sees_and_changes_nothing(user: Wire, holding: Holding) -> None:
    kernel = (await created(user))["name"]
    task = (await queued(user, kernel, "hang"))["name"]
    reader = await holding("read")
    answers = await changes(reader, kernel, task)
    assert {answer.fault for answer in answers.values()} == {PERMISSION_DENIED}
    assert "'manage'" in answers["create"].message
    for name, rest in ((kernel, ""), (task, ""), (task, "/messages"), (PARENT, "/kernels")):
        assert (await reader.get(name, rest)).status == 200


async def test_a_token_for_running_makes_and_ends_no_kernels(user: Wire, holding: Holding) -> None:
    kernel = (await created(user))["name"]
    task = (await queued(user, kernel, "hang"))["name"]
    answers = await changes(await holding("run"), kernel, task)
    refused = {name for name, answer in answers.items() if answer.status == 403}
    assert refused == {"create", "terminate", "delete"}
    assert (answers["queue"].status, answers["cancel"].status) == (200, 200)


async def test_a_revoked_token_is_refused(house: House, user: Wire) -> None:
    record, token = await house.yard.tokens.create(ADMIN, "lost", user="ada")
    assert (await user.holding(token).get(PARENT, "/kernels")).status == 200
    await house.yard.tokens.remove(ADMIN, record.id)
    assert (await user.holding(token).get(PARENT, "/kernels")).fault == UNAUTHENTICATED


async def test_who_did_what_here_is_written_down(house: House, user: Wire) -> None:
    kernel = await created(user)
    task = await queued(user, kernel["name"], "hang")
    await user.post(task["name"], ":cancel", {})
    await user.post(kernel["name"], ":terminate", {})
    await user.delete(kernel["name"])
    trail = (await house.client.get("/v1/audit?user=ada")).json()["items"]
    assert [one["action"] for one in reversed(trail)] == [
        *("kernel.create", "task.run", "task.cancel", "kernel.terminate", "kernel.delete")
    ]
