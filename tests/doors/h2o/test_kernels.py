"""Kernels at the H2O door.

- a kernel is told of at once, with everything that clients demand
- an id of one's own is unique among one's kernels until it is deleted
- other ids are made so that they are ids here
- what was made at another door is here too, and the other way round
- a list is the caller's own, the newest first, in pages
- terminating is seen at once and may be repeated; what was open is cancelled
- deleting removes a kernel at once, and its id is free
- a user does not see what is another's, and is not told whether it exists
"""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.doors.h2o.orders import (
    IMAGE,
    PARENT,
    TEMPLATE,
    created,
    looked_at,
    order,
    queued,
    until,
)
from tests.doors.h2o.wire import Wire
from tests.support.http_house import House

ID = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
PERMISSION_DENIED = (403, 7)
NOT_FOUND = (404, 5)
INVALID = (400, 3)
EXISTS = (409, 6)


async def test_a_kernel_is_told_of_at_once_with_everything_that_clients_demand(user: Wire) -> None:
    fields = {"displayName": "First", "environmentalVariables": {"A": "b"}}
    kernel = await created(user, "mine", **fields)
    now = {"state": kernel.pop("state"), "uid": kernel.pop("uid"), "at": kernel.pop("createTime")}
    info = kernel.pop("kernelTemplateInfo")
    assert now["state"] == "STATE_STARTING"
    assert now["at"].endswith("Z")
    assert len(now["at"]) == len("2026-01-01T00:00:00.000000Z")
    assert kernel == {
        "name": "workspaces/default/kernels/mine",
        "displayName": "First",
        "kernelImage": IMAGE,
        "kernelTemplate": TEMPLATE,
        "kernelImageInfo": {"kernelImageType": "TYPE_PYTHON", "image": "kernelspec/python3"},
        "environmentalVariables": {"A": "b"},
        "notebookKernelSpec": "",
        "creator": "users/ada",
        "creatorDisplayName": "ada",
        "type": "TYPE_HEADLESS",
        "currentTask": "",
        "currentTaskSequenceNumber": 0,
        "taskQueueSize": 0,
        "lastActivityTime": None,
        "failureReason": "",
    }
    assert (info["storageBytes"], info["memoryBytesLimit"]) == ("0", "0")
    assert re.fullmatch(r"\d+s", info["maxIdleDuration"])
    assert None not in info.values()


async def test_an_id_of_ones_own_is_unique_until_its_kernel_is_deleted(
    user: Wire, ben: Wire
) -> None:
    kernel = await created(user, "mine")
    assert kernel["name"].endswith("/mine")
    assert (await user.post(PARENT, "/kernels?kernelId=mine", order())).fault == EXISTS
    await user.post(kernel["name"], ":terminate", {})
    assert (await user.post(PARENT, "/kernels?kernelId=mine", order())).fault == EXISTS
    assert (await created(ben, "mine"))["uid"] != kernel["uid"]
    assert (await user.delete(kernel["name"])).body == {}
    assert (await created(user, "mine"))["uid"] != kernel["uid"]


async def test_other_ids_are_made_so_that_they_are_ids_here(user: Wire) -> None:
    kernel = await created(user)
    made = kernel["name"].rpartition("/")[2]
    assert ID.fullmatch(made)
    assert (await looked_at(user, kernel["name"]))["uid"] == kernel["uid"]
    taken = await user.post(PARENT, f"/kernels?kernelId={made}", order())
    assert taken.fault == EXISTS
    await user.delete(kernel["name"])
    again = await created(user, made)
    assert (again["name"], again["uid"] != kernel["uid"]) == (kernel["name"], True)
    assert (await looked_at(user, again["name"]))["uid"] == again["uid"]


async def test_what_was_made_at_another_door_is_here_too(house: House, wire: Wire) -> None:
    native = await house.kernel(display_name="native", environment={"X": "1"})
    name = f"{PARENT}/kernels/k-{native['id']}"
    kernel = await looked_at(wire, name)
    assert (kernel["displayName"], kernel["environmentalVariables"]) == ("native", {"X": "1"})
    assert (kernel["state"], kernel["lastActivityTime"]) == ("STATE_RUNNING_IDLE", None)
    listed = (await wire.get(PARENT, "/kernels?pageSize=0&pageToken=")).body["kernels"]
    assert [one["name"] for one in listed] == [name]


async def test_what_was_made_here_is_at_the_other_door(house: House, wire: Wire) -> None:
    kernel = await created(wire, "mine", displayName="of H2O")
    native = (await house.client.get(f"/v1/kernels/{kernel['uid']}")).json()
    assert (native["display_name"], native["owner"]) == ("of H2O", "admin")
    await house.client.delete(f"/v1/kernels/{kernel['uid']}")
    assert (await wire.get(kernel["name"])).fault == NOT_FOUND


async def test_a_list_has_what_the_caller_may_see_with_the_newest_first(
    house: House, user: Wire, wire: Wire
) -> None:
    for number in range(5):
        await created(user, f"of-ada-{number}")
    await created(wire, "of-admin")
    names = []
    token = ""
    for size in (2, 2, 1):
        page = await user.get(PARENT, f"/kernels?pageSize=2&pageToken={token}")
        names += [one["name"] for one in page.body["kernels"]]
        assert len(page.body["kernels"]) == size
        token = page.body["nextPageToken"]
    assert token == ""
    assert [name.rpartition("-")[2] for name in names] == ["4", "3", "2", "1", "0"]
    every = (await wire.get(PARENT, "/kernels")).body["kernels"]
    assert every[0]["name"] == f"{PARENT}/kernels/of-admin"
    assert {one["creator"] for one in every[1:]} == {"users/ada"}
    # Programs delete everything that such a list has, by its names.
    for one in every:
        assert (await wire.delete(one["name"])).status == 200
    assert (await user.get(PARENT, "/kernels")).body["kernels"] == []
    nothing = {"kernels": [], "nextPageToken": ""}
    assert (await user.get("workspaces/global", "/kernels")).body == nothing


async def test_an_administrator_reaches_the_kernels_of_others_by_names_that_are_theirs_alone(
    user: Wire, wire: Wire
) -> None:
    of_ada = await created(user, "mine")
    seen = await looked_at(wire, of_ada["name"])
    assert (seen["uid"], seen["creator"]) == (of_ada["uid"], "users/ada")
    own = await created(wire, "mine")
    assert (await looked_at(wire, own["name"]))["uid"] == own["uid"]
    assert (await looked_at(wire, seen["name"]))["uid"] == of_ada["uid"]


async def test_a_user_is_not_told_whether_what_is_anothers_exists(user: Wire, ben: Wire) -> None:
    kernel = await created(user, "mine")
    for name in (kernel["name"], f"{PARENT}/kernels/k-{kernel['uid']}", f"{PARENT}/kernels/none"):
        assert (await ben.get(name)).fault == PERMISSION_DENIED
        assert (await ben.delete(name)).fault == PERMISSION_DENIED
        assert (await ben.post(name, ":terminate", {})).fault == PERMISSION_DENIED
        assert (await ben.post(name, "/tasks", {"code": "print:x"})).fault == PERMISSION_DENIED
        assert (await ben.get(name, "/tasks")).fault == PERMISSION_DENIED
    assert (await user.get(kernel["name"])).status == 200


async def test_an_administrator_is_told_that_there_is_no_such_kernel(wire: Wire) -> None:
    for name in (f"{PARENT}/kernels/none", "workspaces/global/kernels/none"):
        assert (await wire.get(name)).fault == NOT_FOUND
        assert (await wire.delete(name)).fault == NOT_FOUND


async def test_terminating_is_seen_at_once_and_may_be_repeated(house: House, user: Wire) -> None:
    name = (await created(user, "mine"))["name"]
    await until(user, house, name, "RUNNING_IDLE")
    for code in ("print:early", "hang", "print:late"):
        await user.post(name, "/tasks", {"code": code})
    answer = await user.post(name, ":terminate", {})
    kernel = answer.body["kernel"]
    assert kernel["state"] == "STATE_TERMINATING"
    assert (kernel["taskQueueSize"], kernel["currentTask"]) == (0, "")
    assert kernel["failureReason"] == ""
    tasks = (await user.get(name, "/tasks")).body["kernelTasks"]
    assert {one["state"] for one in tasks[:2]} == {"STATE_CANCELLED"}
    await until(user, house, name, "TERMINATED")
    again = await user.post(name, ":terminate", {})
    assert (again.status, again.body["kernel"]["state"]) == (200, "STATE_TERMINATED")
    tasks = (await user.get(name, "/tasks")).body["kernelTasks"]
    assert [one["state"] for one in tasks[:2]] == ["STATE_CANCELLED"] * 2
    refused = await user.post(name, "/tasks", {"code": "print:x"})
    assert refused.fault == (400, 9)


async def test_a_kernel_that_is_still_starting_can_be_terminated_and_deleted(
    house: House, user: Wire
) -> None:
    name = (await created(user, kernelImage=IMAGE.replace("python3", "slow")))["name"]
    await user.post(name, "/tasks", {"code": "print:x"})
    answer = await user.post(name, ":terminate", {})
    assert answer.body["kernel"]["state"] == "STATE_TERMINATING"
    (task,) = (await user.get(name, "/tasks")).body["kernelTasks"]
    assert (task["state"], task["tasksAheadCount"]) == ("STATE_CANCELLED", 0)
    assert task["completeTime"] > task["createTime"]
    house.agent.gates.release("start")
    assert (await user.delete(name)).body == {}
    assert (await user.get(name)).fault == PERMISSION_DENIED


async def test_a_kernel_that_dies_tells_why_and_every_task_of_it_ends(
    house: House, user: Wire
) -> None:
    name = (await created(user, "mine"))["name"]
    for code in ("print:x\ndie", "print:late"):
        await user.post(name, "/tasks", {"code": code})
    uid = (await looked_at(user, name))["uid"]
    await house.client.get(f"/v1/kernels/{uid}?wait=ended&timeout=10")
    kernel = await looked_at(user, name)
    # Not terminating any more: scripted kernels die in the past.
    assert kernel["state"] == "STATE_FAILED"
    assert "SIGKILL" in kernel["failureReason"]
    late, died = (await user.get(name, "/tasks")).body["kernelTasks"]
    assert (late["state"], died["state"]) == ("STATE_CANCELLED", "STATE_COMPLETE_ERROR")
    assert died["error"] == "KernelDied"


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        ("", {"kernelImage": ""}),
        ("", {"kernelImage": "python3"}),
        ("", {"kernelImage": "workspaces/global/kernelTemplates/python3"}),
        ("", {"kernelTemplate": "workspaces/nowhere/kernelTemplates/default"}),
        ("", {"displayName": "x" * 64}),
        ("", {"displayName": 7}),
        ("", {"environmentalVariables": {"A": 1}}),
        ("", {"environmentalVariables": {"A=B": "1"}}),
        ("", {"environmentalVariables": ["A"]}),
        ("?kernelId=Mine", {}),
        ("?kernelId=1mine", {}),
        ("?kernelId=mine-", {}),
        (f"?kernelId={'x' * 64}", {}),
        ("?kernelId=a%2Fb", {}),
    ],
)
async def test_what_is_malformed_is_refused_with_a_reason(
    user: Wire, query: str, fields: dict[str, Any]
) -> None:
    answer = await user.post(PARENT, f"/kernels{query}", order(**fields))
    assert answer.fault == INVALID
    assert answer.message.startswith("validation error: ")


@pytest.mark.parametrize(
    "query", ["pageSize=-1", "pageSize=x", "pageToken=unknown", "pageToken=%20"]
)
async def test_pages_that_cannot_be_are_refused(user: Wire, query: str) -> None:
    assert (await user.get(PARENT, f"/kernels?{query}")).fault == INVALID
    kernel = await created(user)
    assert (await user.get(kernel["name"], f"/tasks?{query}")).fault == INVALID


async def test_an_image_or_template_that_is_not_there_makes_no_kernel(
    user: Wire, wire: Wire
) -> None:
    no_image = order(kernelImage=IMAGE.replace("python3", "none"))
    no_template = order(kernelTemplate=f"{TEMPLATE}x")
    assert (await user.post(PARENT, "/kernels", no_image)).fault == NOT_FOUND
    assert (await user.post(PARENT, "/kernels", no_template)).fault == PERMISSION_DENIED
    assert (await wire.post(PARENT, "/kernels", no_template)).fault == NOT_FOUND
    assert (await user.post("workspaces/global", "/kernels", order())).fault == INVALID


async def test_a_kernel_that_does_not_start_has_failed_and_so_have_its_tasks_ended(
    house: House, user: Wire
) -> None:
    name = (await created(user, kernelImage=IMAGE.replace("python3", "stillborn")))["name"]
    await queued(user, name, "print:x")
    kernel = await until(user, house, name, "FAILED")
    assert kernel["failureReason"]
    (task,) = (await user.get(name, "/tasks")).body["kernelTasks"]
    assert task["state"] == "STATE_CANCELLED"
