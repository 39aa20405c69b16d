"""Kernel tasks: code queued on a kernel, what became of it, and what it said."""

from __future__ import annotations

from collections.abc import Sequence

from kernelyard.doors.h2o import messages, paging
from kernelyard.doors.h2o.kernel_names import (
    kernel_name,
    kernel_of,
    new_task_id,
    task_name,
    task_of,
)
from kernelyard.doors.h2o.names import checked_id
from kernelyard.doors.h2o.routing import Call, Routes
from kernelyard.doors.h2o.states import (
    WireTaskState,
    is_starting,
    task_error,
    task_state,
    tasks_ahead,
)
from kernelyard.doors.h2o.writing import time, time_or_none
from kernelyard.model.errors import Invalid, TaskFinished
from kernelyard.model.json import JsonObject
from kernelyard.model.kernels import Kernel
from kernelyard.model.paging import decode_cursor, encode_cursor
from kernelyard.model.quantities import Micros
from kernelyard.model.tasks import Task, TaskOrder

_TASKS = "workspaces/*/kernels/*/tasks"
_TASK = f"{_TASKS}/*"
_OUT_OF_QUEUE_SECONDS = 2.0
"""For how long it is waited for that a task is out of the queue, so that those behind it move up."""
_PAGE_BYTES = 8 * 1024 * 1024
"""About how much the messages of a page may have."""
_OPEN = frozenset({WireTaskState.QUEUED, WireTaskState.EXECUTING})

routes = Routes()


@routes.post(_TASKS)
async def create(call: Call) -> JsonObject:
    """Queue code; at once, also while the kernel starts."""
    kernel = await kernel_of(call)
    code = call.body.get("code")
    if not isinstance(code, str):
        raise Invalid("code must be text.", field="code")
    given = call.query.get("kernelTaskId", "")
    own = await new_task_id(call, checked_id(given, field="kernel_task_id")) if given else None
    order = TaskOrder(code=code, external_id=own)
    task, _ = await call.yard.tasks.submit(call.who, kernel.id, order)
    return await _answer(call, task, kernel)


@routes.get(_TASKS)
async def every(call: Call) -> JsonObject:
    """List the tasks of a kernel, the newest first."""
    kernel = await kernel_of(call)
    kind = f"tasks {kernel.id}"
    wanted = paging.asked(call.query, kind)
    found, following = await call.yard.tasks.list(
        call.who, kernel_id=kernel.id, cursor=wanted.after, limit=wanted.size
    )
    leaving = await _leaving(call, kernel)
    told = [_told(call, task, kernel, leaving) for task in found]
    return paging.page(kind, "kernelTasks", told, following)


@routes.get(_TASK)
async def get(call: Call) -> JsonObject:
    """Tell about one task."""
    task, kernel = await task_of(call)
    return await _answer(call, task, kernel)


@routes.post(f"{_TASK}:cancel")
async def cancel(call: Call) -> JsonObject:
    """Take a task out of the queue, or interrupt it."""
    task, kernel = await task_of(call)
    state = task_state(task, kernel)
    if state not in _OPEN:
        raise TaskFinished
    await call.yard.tasks.cancel(call.who, task.id)
    if state is WireTaskState.QUEUED and not is_starting(kernel):
        await call.yard.tasks.wait(call.who, task.id, _OUT_OF_QUEUE_SECONDS)
    return {}


@routes.get(f"{_TASK}/messages")
async def said(call: Call) -> JsonObject:
    """List what a task has said so far, the oldest first."""
    task, kernel = await task_of(call)
    kind = f"messages {task.id}"
    wanted = paging.asked(call.query, kind)
    after = decode_cursor(wanted.after) or 0
    found = messages.Messages()
    while True:
        page = await call.yard.outputs.page(call.who, task.id, after, paging.LARGEST_PAGE)
        found.add_all(page.records)
        after = page.last
        shown = messages.fitting(found.made, wanted.size, _PAGE_BYTES)
        if len(shown) < len(found.made) or not page.records or page.complete:
            break
    name = task_name(task, kernel_name(kernel, call.who))
    more = encode_cursor(shown[-1].last) if len(shown) < len(found.made) else None
    return paging.page(kind, "kernelTaskMessages", [one.told(name) for one in shown], more)


@routes.get(f"{_TASK}/output")
async def output(call: Call) -> JsonObject:
    """Tell all that a task has said, put together."""
    task, kernel = await task_of(call)
    whole = await call.yard.outputs.result(call.who, task.id)
    name = task_name(task, kernel_name(kernel, call.who))
    return {"kernelTaskOutput": messages.output(name, whole)}


async def _answer(call: Call, task: Task, kernel: Kernel) -> JsonObject:
    return {"kernelTask": _told(call, task, kernel, await _leaving(call, kernel))}


async def _leaving(call: Call, kernel: Kernel) -> Sequence[int]:
    return await call.yard.tasks.leaving(kernel) if is_starting(kernel) else ()


def _completed_at(call: Call, task: Task, state: WireTaskState) -> Micros | None:
    """When it ended; for one that is certain to be cancelled, and is still open, that is now."""
    return task.ended_at or (None if state in _OPEN else call.yard.clock.now())


def _told(call: Call, task: Task, kernel: Kernel, leaving: Sequence[int]) -> JsonObject:
    state = task_state(task, kernel)
    error = task_error(task, state)
    return {
        "name": task_name(task, kernel_name(kernel, call.who)),
        "code": task.code,
        "state": state.value,
        "sequenceNumber": task.seq,
        "tasksAheadCount": tasks_ahead(task, state, leaving),
        "error": error.name,
        "errorValue": error.value,
        "traceback": "\n".join(error.traceback),
        "createTime": time(task.created_at),
        "executionStartTime": time_or_none(task.started_at),
        "completeTime": time_or_none(_completed_at(call, task, state)),
    }
