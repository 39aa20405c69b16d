"""Runs that a client asks the kernel for in a message of its own, instead of submitting a task.

Such a run takes its turn among the tasks and stands in the journal like any of them. It is on record
from its start on, for nobody was promised anything before: until then it waits in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from kernelyard.agent.endings import TaskEnd, body
from kernelyard.model.quantities import Micros
from kernelyard.model.tasks import FIRST_CLIENT_SEQ, Assignment
from kernelyard.wire.multipart import Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientRun(Assignment):
    """One run; its number in the queue follows from the record of its start."""

    msg_id: str
    """Id of the client's message, which the kernel's answers name."""
    request: Parts
    author: str
    at: Micros
    on_end: Callable[[TaskEnd, bool], None]
    """Called with how it ended, and whether the kernel has replied to it."""


class Executing(Protocol):
    """A kernel that takes code."""

    def execute(self, msg_id: str, code: str) -> None: ...
    def pass_on(self, request: Parts) -> None: ...


def sent_id(task: Assignment) -> str:
    """The id of the request with which a task is sent to the kernel."""
    return task.msg_id if isinstance(task, ClientRun) else task.task_id


def send(task: Assignment, kernel: Executing) -> None:
    """Send a task to the kernel."""
    if isinstance(task, ClientRun):
        kernel.pass_on(task.request)
    else:
        kernel.execute(task.task_id, task.code)


def numbered(task: Assignment, number: int) -> Assignment:
    """The task with its number in the queue, where the record of its start will have ``number``."""
    return replace(task, seq=FIRST_CLIENT_SEQ + number) if isinstance(task, ClientRun) else task


def started_body(task: Assignment) -> bytes:
    """The body of the record that says that a task begins; of a client's run, what was asked, too."""
    if not isinstance(task, ClientRun):
        return body(task_id=task.task_id)
    asked = {"code": task.code, "author": task.author, "at": task.at}
    return body(task_id=task.task_id, msg_id=task.msg_id, asked=asked)


def told(ends: Iterable[tuple[Assignment, TaskEnd]]) -> list[tuple[Assignment, TaskEnd]]:
    """Tell clients of runs that never began, of which nothing is on record; return the other ends."""
    others: list[tuple[Assignment, TaskEnd]] = []
    for task, end in ends:
        if isinstance(task, ClientRun):
            task.on_end(end, False)
        else:
            others.append((task, end))
    return others
