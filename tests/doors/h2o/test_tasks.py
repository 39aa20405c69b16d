"""Tasks of kernels, and what they say, at the H2O door.

- a task is taken in while its kernel starts, and told of with everything that clients demand
- an id of one's own is unique on its kernel; others are made so that they are ids here
- tasks are numbered in their queue, and a list has the newest first
- tasks ahead are counted with the one that runs; they become fewer as others end or are cancelled
- a kernel tells which task it runs
- an error is in the task's fields and in no message
- a cancelled task keeps what it said; what has ended cannot be cancelled
- messages come in pages, the oldest first; a task that runs has them, too
- what is displayed is in base64, in messages and in the output
- a task of another kernel is not found
"""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from tests.doors.h2o.orders import (
    IMAGE,
    created,
    ended,
    looked_at,
    queued,
    task_now,
    until,
)
from tests.doors.h2o.wire import Wire
from tests.support.http_house import House
from tests.support.yard_house import eventually

ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
PERMISSION_DENIED = (403, 7)
NOT_FOUND = (404, 5)
INVALID = (400, 3)
EXISTS = (409, 6)
PRECONDITION = (400, 9)
SLOW = IMAGE.replace("python3", "slow")


async def messages(wire: Wire, task: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
    """The messages of a page."""
    answer = await wire.get(task["name"], f"/messages{query}")
    assert answer.status == 200, answer.body
    return list(answer.body["kernelTaskMessages"])


async def until_it_has_said(wire: Wire, task: dict[str, Any], text: str) -> None:
    """Wait until the messages of a task that runs are this one text."""

    async def has() -> bool:
        return texts(await messages(wire, task)) == [text]

    await eventually(has)


def texts(found: list[dict[str, Any]]) -> list[str]:
    """What was printed."""
    return [one["stream"]["data"] for one in found]


async def test_a_task_is_taken_in_while_its_kernel_starts(house: House, user: Wire) -> None:
    kernel = await created(user, kernelImage=SLOW)
    task = await queued(user, kernel["name"], "print:x", task_id="first")
    made = task.pop("createTime")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", made)
    assert task == {
        "name": f"{kernel['name']}/tasks/first",
        "code": "print:x",
        "state": "STATE_QUEUED",
        "sequenceNumber": 1,
        "tasksAheadCount": 0,
        "error": "",
        "errorValue": "",
        "traceback": "",
        "executionStartTime": None,
        "completeTime": None,
    }
    now = await looked_at(user, kernel["name"])
    assert (now["state"], now["taskQueueSize"]) == ("STATE_STARTING", 1)
    assert now["lastActivityTime"] == made
    assert now["createTime"] < made
    house.agent.gates.release("start")
    done = await ended(user, house, kernel["name"], 1)
    assert done["state"] == "STATE_COMPLETE_SUCCESS"
    assert done["executionStartTime"] < done["completeTime"]


async def test_an_id_of_ones_own_is_unique_on_its_kernel(user: Wire) -> None:
    one, two = await created(user), await created(user)
    task = await queued(user, one["name"], "print:x", task_id="mine")
    again = await user.post(one["name"], "/tasks?kernelTaskId=mine", {"code": "print:y"})
    assert again.fault == EXISTS
    await queued(user, two["name"], "print:x", task_id="mine")
    assert (await task_now(user, task["name"]))["sequenceNumber"] == 1


async def test_other_ids_are_made_so_that_they_are_ids_here(user: Wire) -> None:
    kernel = await created(user)
    task = await queued(user, kernel["name"], "print:x")
    made = task["name"].rpartition("/")[2]
    assert ID.fullmatch(made)
    assert (await task_now(user, task["name"]))["name"] == task["name"]
    taken = await user.post(kernel["name"], f"/tasks?kernelTaskId={made}", {"code": ""})
    assert taken.fault == EXISTS


async def test_a_list_has_the_newest_first_in_pages(house: House, user: Wire) -> None:
    kernel = await created(user)
    for _ in range(5):
        await queued(user, kernel["name"], "print:x")
    numbers, token = [], ""
    for _ in range(3):
        answer = await user.get(kernel["name"], f"/tasks?pageSize=2&pageToken={token}")
        numbers += [one["sequenceNumber"] for one in answer.body["kernelTasks"]]
        token = answer.body["nextPageToken"]
    assert (numbers, token) == ([5, 4, 3, 2, 1], "")
    other = await created(user)
    first = (await user.get(kernel["name"], "/tasks?pageSize=2")).body["nextPageToken"]
    assert (await user.get(other["name"], f"/tasks?pageToken={first}")).fault == INVALID
    assert (await user.get(other["name"], "/tasks?pageSize=2000")).body["kernelTasks"] == []


async def test_tasks_ahead_are_counted_with_the_one_that_runs(house: House, user: Wire) -> None:
    name = (await created(user))["name"]
    first, second, third = [await queued(user, name, "hang") for _ in range(3)]
    await until(user, house, name, "RUNNING_BUSY")
    assert (await task_now(user, first["name"]))["tasksAheadCount"] == 0
    assert (await task_now(user, third["name"]))["tasksAheadCount"] == 2
    assert (await user.post(second["name"], ":cancel", {})).body == {}
    assert (await task_now(user, second["name"]))["state"] == "STATE_CANCELLED"
    assert (await task_now(user, third["name"]))["tasksAheadCount"] == 1
    now = await looked_at(user, name)
    assert now["taskQueueSize"] == 1


async def test_what_is_cancelled_while_its_kernel_starts_is_ahead_of_nothing(
    house: House, user: Wire
) -> None:
    name = (await created(user, kernelImage=SLOW))["name"]
    first, second, third = [await queued(user, name, "print:x") for _ in range(3)]
    assert (await user.post(second["name"], ":cancel", {})).body == {}
    assert (await task_now(user, second["name"]))["state"] == "STATE_CANCELLED"
    assert (await task_now(user, third["name"]))["tasksAheadCount"] == 1
    page = (await user.get(name, "/tasks")).body["kernelTasks"]
    assert [one["tasksAheadCount"] for one in page] == [1, 0, 0]
    assert (await looked_at(user, name))["taskQueueSize"] == 2
    house.agent.gates.release("start")
    assert (await ended(user, house, name, 3))["state"] == "STATE_COMPLETE_SUCCESS"
    assert (await task_now(user, first["name"]))["state"] == "STATE_COMPLETE_SUCCESS"
    assert (await task_now(user, second["name"]))["state"] == "STATE_CANCELLED"


async def test_a_kernel_tells_which_task_it_runs(house: House, user: Wire) -> None:
    name = (await created(user))["name"]
    await queued(user, name, "print:x")
    task = await queued(user, name, "hang", task_id="long")
    await ended(user, house, name, 1)
    kernel = await until(user, house, name, "RUNNING_BUSY")
    assert kernel["currentTask"] == task["name"] == f"{name}/tasks/long"
    assert kernel["currentTaskSequenceNumber"] == 2
    await user.post(task["name"], ":cancel", {})
    await ended(user, house, name, 2)
    kernel = await looked_at(user, name)
    assert (kernel["currentTask"], kernel["currentTaskSequenceNumber"]) == ("", 0)
    assert kernel["state"] == "STATE_RUNNING_IDLE"


async def test_an_error_is_in_the_tasks_fields_and_in_no_message(house: House, user: Wire) -> None:
    name = (await created(user))["name"]
    await queued(user, name, "print:before", "raise:ValueError")
    await queued(user, name, "print:after")
    task = await ended(user, house, name, 1)
    assert (task["state"], task["error"]) == ("STATE_COMPLETE_ERROR", "ValueError")
    assert task["traceback"]
    assert texts(await messages(user, task)) == ["before\n"]
    after = await ended(user, house, name, 2)
    assert (after["state"], after["error"]) == ("STATE_COMPLETE_SUCCESS", "")


async def test_a_cancelled_task_keeps_what_it_said(house: House, user: Wire) -> None:
    name = (await created(user))["name"]
    task = await queued(user, name, "print:so far", "hang")
    await until_it_has_said(user, task, "so far\n")
    assert (await user.post(task["name"], ":cancel", {})).body == {}
    done = await ended(user, house, name, 1)
    assert (done["state"], done["error"], done["errorValue"]) == ("STATE_CANCELLED", "", "")
    assert texts(await messages(user, done)) == ["so far\n"]
    assert (await user.post(task["name"], ":cancel", {})).fault == PRECONDITION


async def test_what_has_ended_cannot_be_cancelled(house: House, user: Wire) -> None:
    name = (await created(user))["name"]
    task = await queued(user, name, "print:x")
    await ended(user, house, name, 1)
    assert (await user.post(task["name"], ":cancel", {})).fault == PRECONDITION
    hanging = await queued(user, name, "hang")
    await user.post(name, ":terminate", {})
    assert (await user.post(hanging["name"], ":cancel", {})).fault == PRECONDITION


async def test_messages_come_in_pages_with_the_oldest_first(house: House, user: Wire) -> None:
    name = (await created(user))["name"]
    await queued(user, name, "lines:5", "warn:last")
    task = await ended(user, house, name, 1)
    found, token, sizes = [], "", []
    while True:
        answer = await user.get(task["name"], f"/messages?pageSize=2&pageToken={token}")
        part = answer.body["kernelTaskMessages"]
        found += part
        sizes.append(len(part))
        token = answer.body["nextPageToken"]
        if not token:
            break
    assert sizes == [2, 2, 2]
    assert found == await messages(user, task)
    assert found[-1]["stream"] == {"type": "TYPE_STDERR", "data": "last\n"}
    assert all(set(one) == {"name", "createTime", "stream"} for one in found)
    assert len({one["name"] for one in found}) == 6
    assert all(one["name"].startswith(f"{task['name']}/messages/") for one in found)
    assert [one["createTime"] for one in found] == sorted(one["createTime"] for one in found)


async def test_a_page_may_be_large_and_ends_before_it_is_too_large(
    house: House, user: Wire
) -> None:
    name = (await created(user))["name"]
    await queued(user, name, *(f"bytes:{6_000_000}\nwarn:x" for _ in range(2)))
    task = await ended(user, house, name, 1)
    answer = await user.get(task["name"], "/messages")
    assert 1 <= len(answer.body["kernelTaskMessages"]) < 4
    rest = await user.get(task["name"], f"/messages?pageToken={answer.body['nextPageToken']}")
    found = answer.body["kernelTaskMessages"] + rest.body["kernelTaskMessages"]
    assert [len(text) for text in texts(found)] == [6_000_000, 2, 6_000_000, 2]


async def test_a_task_that_runs_has_messages_too(house: House, user: Wire) -> None:
    name = (await created(user))["name"]
    task = await queued(user, name, "print:early", "wait:door", "print:late")
    await until_it_has_said(user, task, "early\n")
    house.agent.gates.release("door")
    done = await ended(user, house, name, 1)
    assert texts(await messages(user, done)) == ["early\n", "late\n"]


async def test_what_is_displayed_is_in_base64(house: House, user: Wire) -> None:
    name = (await created(user))["name"]
    await queued(user, name, "print:a", "display:grüße", "result:42", "print:b", "warn:w")
    task = await ended(user, house, name, 1)
    found = await messages(user, task)
    shown = [one["display"]["displayData"] for one in found if "display" in one]
    plain = [base64.b64decode(data["text/plain"]).decode() for data in shown]
    assert plain == ["grüße", "42"]
    output = (await user.get(f"{task['name']}/output")).body["kernelTaskOutput"]
    assert (output["name"], output["stdout"], output["stderr"]) == (
        f"{task['name']}/output",
        "a\nb\n",
        "w\n",
    )
    attached = [one["data"] for one in output["attachments"]]
    assert [part["mimeType"] for data in attached for part in data] == ["text/plain"] * 2
    assert base64.b64decode(attached[1][0]["data"]) == b"42"


async def test_a_task_that_said_nothing_has_lists_that_are_empty(house: House, user: Wire) -> None:
    name = (await created(user, kernelImage=SLOW))["name"]
    task = await queued(user, name, "")
    answer = await user.get(task["name"], "/messages?pageSize=0&pageToken=")
    assert answer.body == {"kernelTaskMessages": [], "nextPageToken": ""}
    output = (await user.get(f"{task['name']}/output")).body["kernelTaskOutput"]
    assert output["attachments"] == []
    assert (output["stdout"], output["stderr"]) == ("", "")


async def test_a_task_of_another_kernel_or_user_is_not_found(
    user: Wire, ben: Wire, wire: Wire
) -> None:
    one, two = await created(user), await created(user)
    task = await queued(user, one["name"], "print:x")
    elsewhere = task["name"].replace(one["name"], two["name"])
    assert (await user.get(elsewhere)).fault == PERMISSION_DENIED
    assert (await ben.get(task["name"])).fault == PERMISSION_DENIED
    assert (await ben.post(task["name"], ":cancel", {})).fault == PERMISSION_DENIED
    assert (await ben.get(task["name"], "/messages")).fault == PERMISSION_DENIED
    assert (await ben.get(f"{task['name']}/output")).fault == PERMISSION_DENIED
    assert (await wire.get(f"{one['name']}/tasks/none")).fault == NOT_FOUND
    assert (await wire.get(task["name"])).status == 200


async def test_tasks_of_other_doors_are_here_too(house: House, wire: Wire) -> None:
    native = await house.kernel()
    task = await house.end(await house.submit(native, "print:x"))
    name = f"workspaces/default/kernels/k-{native['id']}/tasks/t-{task['id']}"
    found = await task_now(wire, name)
    assert (found["name"], found["state"]) == (name, "STATE_COMPLETE_SUCCESS")
    assert texts(await messages(wire, found)) == ["x\n"]
    (limited,) = (await wire.get(f"workspaces/default/kernels/k-{native['id']}", "/tasks")).body[
        "kernelTasks"
    ]
    assert limited["name"] == name


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("", {}),
        ("", {"code": 7}),
        ("", {"code": None}),
        ("", {"code": "a\0b"}),
        ("?kernelTaskId=A", {"code": ""}),
        (f"?kernelTaskId={'x' * 64}", {"code": ""}),
    ],
)
async def test_what_is_malformed_is_refused(user: Wire, query: str, body: dict[str, Any]) -> None:
    kernel = await created(user)
    answer = await user.post(kernel["name"], f"/tasks{query}", body)
    assert answer.fault == INVALID
    assert answer.message.startswith("validation error: ")
    assert (await user.get(kernel["name"], "/tasks")).body["kernelTasks"] == []


@pytest.mark.parametrize("query", ["pageSize=-1", "pageToken=unknown"])
async def test_pages_of_messages_that_cannot_be_are_refused(user: Wire, query: str) -> None:
    task = await queued(user, (await created(user))["name"], "print:x")
    assert (await user.get(task["name"], f"/messages?{query}")).fault == INVALID


async def test_code_that_is_too_large_is_refused(user: Wire) -> None:
    kernel = await created(user)
    answer = await user.post(kernel["name"], "/tasks", {"code": "x" * 200_000})
    assert answer.fault == (413, 8)
