"""Kernels and tasks by the names that this dialect gives them.

An id of the caller's own is kept with the row. All others, also what was made at another door, have one
made from our own id: a letter, for ids begin with one, and the UUID.
"""

from __future__ import annotations

import contextlib

from kernelyard.doors.h2o.names import DEFAULT, name_of
from kernelyard.doors.h2o.routing import Call
from kernelyard.model.errors import AlreadyExists, KernelNotFound, TaskNotFound
from kernelyard.model.ids import external_id, is_uuid, own_id
from kernelyard.model.kernels import Kernel
from kernelyard.model.principals import Principal
from kernelyard.model.tasks import Task

DIALECT = "h2o"
_KERNEL, _TASK = "k-", "t-"
_MADE_FOR_ANOTHER = "This id was made for something else. Choose another one."


def kernel_name(kernel: Kernel, who: Principal) -> str:
    """The name of a kernel as ``who`` may use it.

    Ids are each owner's own, so an administrator gets another one for a kernel of somebody else.
    """
    mine = own_id(DIALECT, kernel.external_id) if kernel.owner == who.name else None
    return name_of(DEFAULT, "kernels", mine or f"{_KERNEL}{kernel.id}")


def task_name(task: Task, kernel_name: str) -> str:
    """The name of a task of the kernel of that name."""
    mine = own_id(DIALECT, task.external_id)
    return f"{kernel_name}/tasks/{mine or f'{_TASK}{task.id}'}"


async def kernel_of(call: Call) -> Kernel:
    """The kernel that a call is about. Raises KernelNotFound."""
    given = call.ids[1]
    if call.workspace != DEFAULT:
        raise KernelNotFound(
            "Kernels are in workspaces/default only. List those there and choose from them."
        )
    if (made := _made_from(given, _KERNEL)) is not None:
        with contextlib.suppress(KernelNotFound):
            return await call.yard.kernels.get(call.who, made)
    return await call.yard.kernels.by_external_id(call.who, external_id(DIALECT, given))


async def task_of(call: Call) -> tuple[Task, Kernel]:
    """The task that a call is about, and its kernel. Raises KernelNotFound, TaskNotFound."""
    kernel = await kernel_of(call)
    given = call.ids[2]
    if (made := _made_from(given, _TASK)) is not None:
        with contextlib.suppress(TaskNotFound):
            task = await call.yard.tasks.get(call.who, made)
            if task.kernel_no == kernel.no:
                return task, kernel
    own = external_id(DIALECT, given)
    return await call.yard.tasks.by_external_id(kernel, own), kernel


async def new_kernel_id(call: Call, given: str) -> str:
    """Return an id of the caller's own as it is kept.

    Raises AlreadyExists if it was made from that of another kernel.
    """
    made = _made_from(given, _KERNEL)
    if made is not None:
        with contextlib.suppress(KernelNotFound):
            await call.yard.kernels.get(call.who, made)
            raise AlreadyExists(_MADE_FOR_ANOTHER)
    return external_id(DIALECT, given)


async def new_task_id(call: Call, given: str) -> str:
    """The same for a task."""
    made = _made_from(given, _TASK)
    if made is not None:
        with contextlib.suppress(TaskNotFound):
            await call.yard.tasks.get(call.who, made)
            raise AlreadyExists(_MADE_FOR_ANOTHER)
    return external_id(DIALECT, given)


def _made_from(given: str, letter: str) -> str | None:
    """The id of ours that an id was made from; None if it was not."""
    bare = given.removeprefix(letter)
    return bare if bare != given and is_uuid(bare) else None
