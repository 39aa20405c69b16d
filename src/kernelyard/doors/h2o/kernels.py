"""Kernels: made of an image and a template, looked at, terminated and deleted."""

from __future__ import annotations

from kernelyard.doors.h2o import paging, reading
from kernelyard.doors.h2o.choosing import (
    choice,
    image_info,
    image_name,
    template_info,
    template_name,
)
from kernelyard.doors.h2o.kernel_names import kernel_name, kernel_of, new_kernel_id, task_name
from kernelyard.doors.h2o.names import DEFAULT, checked_id
from kernelyard.doors.h2o.routing import Call, Routes
from kernelyard.doors.h2o.states import (
    failure_reason,
    is_starting,
    kernel_state,
    last_activity,
    queue_size,
)
from kernelyard.doors.h2o.writing import time, time_or_none
from kernelyard.model.errors import Invalid, TaskNotFound
from kernelyard.model.json import JsonObject
from kernelyard.model.kernels import Kernel, KernelOrder

_KERNELS = "workspaces/*/kernels"
_KERNEL = f"{_KERNELS}/*"

routes = Routes()


@routes.post(_KERNELS)
async def create(call: Call) -> JsonObject:
    """Ask for a kernel; it is told of at once, while it starts."""
    if call.workspace != DEFAULT:
        raise Invalid("Kernels are made in workspaces/default only.")
    given = call.query.get("kernelId", "")
    own = await new_kernel_id(call, checked_id(given, field="kernel_id")) if given else None
    chosen = await choice(call)
    order = KernelOrder(
        image=chosen.image,
        template=chosen.template,
        labels=chosen.labels,
        display_name=reading.display_name(call.body),
        environment=reading.pairs(call.body, "environmentalVariables"),
        external_id=own,
    )
    kernel, _ = await call.yard.kernels.create(call.who, order)
    return await _answer(call, kernel)


@routes.get(_KERNELS)
async def every(call: Call) -> JsonObject:
    """List the caller's own kernels, the newest first; an administrator's list has everybody's."""
    wanted = paging.asked(call.query, "kernels")
    if call.workspace != DEFAULT:
        return paging.page("kernels", "kernels", [], None)
    found, following = await call.yard.kernels.list(
        call.who, cursor=wanted.after, limit=wanted.size
    )
    told = [await _told(call, kernel) for kernel in found]
    return paging.page("kernels", "kernels", told, following)


@routes.get(_KERNEL)
async def get(call: Call) -> JsonObject:
    """Tell about one kernel."""
    return await _answer(call, await kernel_of(call))


@routes.post(f"{_KERNEL}:terminate")
async def terminate(call: Call) -> JsonObject:
    """Free what a kernel holds; its tasks and what they said stay. Repeatable."""
    kernel = await kernel_of(call)
    return await _answer(call, await call.yard.kernels.terminate(call.who, kernel.id))


@routes.delete(_KERNEL)
async def delete(call: Call) -> JsonObject:
    """Terminate a kernel and remove every trace of it."""
    kernel = await kernel_of(call)
    await call.yard.kernels.delete(call.who, kernel.id)
    return {}


async def _answer(call: Call, kernel: Kernel) -> JsonObject:
    return {"kernel": await _told(call, kernel)}


async def _told(call: Call, kernel: Kernel) -> JsonObject:
    name = kernel_name(kernel, call.who)
    seq = kernel.current_seq if kernel.takes_tasks else None
    leaving = await call.yard.tasks.leaving(kernel) if is_starting(kernel) else ()
    return {
        "name": name,
        "displayName": kernel.display_name,
        "kernelImage": image_name(kernel),
        "kernelTemplate": template_name(kernel),
        "kernelImageInfo": image_info(kernel),
        "kernelTemplateInfo": template_info(kernel),
        "environmentalVariables": dict(kernel.environment),
        "notebookKernelSpec": "",
        "creator": f"users/{kernel.owner}",
        "creatorDisplayName": kernel.owner,
        "state": kernel_state(kernel, call.yard.clock.now()).value,
        "type": "TYPE_HEADLESS",
        "currentTask": "" if seq is None else await _current(call, kernel, name),
        "currentTaskSequenceNumber": seq or 0,
        "taskQueueSize": queue_size(kernel, leaving),
        "lastActivityTime": time_or_none(last_activity(kernel)),
        "failureReason": failure_reason(kernel),
        "uid": kernel.id,
        "createTime": time(kernel.created_at),
    }


async def _current(call: Call, kernel: Kernel, name: str) -> str:
    if kernel.current_task_id is None:
        return ""
    try:
        task = await call.yard.tasks.get(call.who, kernel.current_task_id)
    except TaskNotFound:
        return ""
    return task_name(task, name)
