"""Kernels and tasks, asked for as the published client does."""

from __future__ import annotations

from typing import Any

from tests.doors.h2o.wire import Wire
from tests.support.http_house import House
from tests.support.yard_house import ADMIN

PARENT = "workspaces/default"
IMAGE = "workspaces/global/kernelImages/python3"
TEMPLATE = "workspaces/global/kernelTemplates/default"


def order(**fields: Any) -> dict[str, Any]:
    """What the published client sends."""
    return {
        "kernelImage": IMAGE,
        "kernelTemplate": TEMPLATE,
        "displayName": "",
        "environmentalVariables": {},
        "state": "STATE_UNSPECIFIED",
        "type": "TYPE_UNSPECIFIED",
        "kernelTemplateInfo": {},
        "kernelImageInfo": {},
        **fields,
    }


async def created(wire: Wire, kernel_id: str = "", **fields: Any) -> dict[str, Any]:
    """A new kernel as it is told of."""
    answer = await wire.post(PARENT, f"/kernels?kernelId={kernel_id}", order(**fields))
    assert answer.status == 200, answer.body
    return dict(answer.body["kernel"])


async def looked_at(wire: Wire, name: str) -> dict[str, Any]:
    """A kernel as it is now."""
    answer = await wire.get(name)
    assert answer.status == 200, answer.body
    return dict(answer.body["kernel"])


async def until(wire: Wire, house: House, name: str, state: str) -> dict[str, Any]:
    """A kernel once it is in a state."""
    uid = (await looked_at(wire, name))["uid"]
    for wanted in ("ready", "ended"):
        await house.client.get(f"/v1/kernels/{uid}?wait={wanted}&timeout=10")
        kernel = await looked_at(wire, name)
        if kernel["state"] == f"STATE_{state}":
            break
    assert kernel["state"] == f"STATE_{state}"
    return kernel


async def queued(wire: Wire, kernel: str, *lines: str, task_id: str = "") -> dict[str, Any]:
    """A new task of the kernel of this name."""
    body = {"code": "\n".join(lines)}
    answer = await wire.post(kernel, f"/tasks?kernelTaskId={task_id}", body)
    assert answer.status == 200, answer.body
    return dict(answer.body["kernelTask"])


async def task_now(wire: Wire, name: str) -> dict[str, Any]:
    """A task as it is now."""
    answer = await wire.get(name)
    assert answer.status == 200, answer.body
    return dict(answer.body["kernelTask"])


async def ended(wire: Wire, house: House, kernel: str, sequence: int) -> dict[str, Any]:
    """A task, by its number in the queue, once it has ended."""
    uid = (await looked_at(wire, kernel))["uid"]
    everything, _ = await house.yard.tasks.list(ADMIN, kernel_id=uid)
    (native,) = (one for one in everything if one.seq == sequence)
    await house.yard.tasks.wait(ADMIN, native.id, 10)
    page = (await wire.get(kernel, "/tasks")).body["kernelTasks"]
    (task,) = (one for one in page if one["sequenceNumber"] == sequence)
    return dict(task)
