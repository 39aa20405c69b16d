"""The queue of one kernel, kept in a file: a task is in the file before it is acknowledged.

The file is append-only, one JSON object per line. It says what was asked; what became of it stands in
the journal.
"""

from __future__ import annotations

import os
from collections.abc import Container, Sequence
from pathlib import Path

import msgspec

from kernelyard.agent.disk import append_whole, open_appendable
from kernelyard.model.tasks import Assignment, TaskLimits


class _Task(msgspec.Struct, tag="task", frozen=True):
    task_id: str
    seq: int
    code: str
    output_limit_bytes: int = 0
    needs: int | None = None
    limits: TaskLimits = TaskLimits()


class _Cancel(msgspec.Struct, tag="cancel", frozen=True):
    task_id: str
    reason: str


_lines: msgspec.json.Decoder[_Task | _Cancel] = msgspec.json.Decoder(_Task | _Cancel)
_encoder = msgspec.json.Encoder()


class Queue:
    """Tasks that wait, in the order in which they came, and every task id that ever came."""

    def __init__(self, path: Path, *, settled: Container[str] = ()) -> None:
        """Open the file, made if it is missing; tasks in ``settled`` no longer wait.

        A line that a crash has torn was never acknowledged and is cut off.
        """
        self._descriptor = open_appendable(path)
        self._known: set[str] = set()
        self._waiting: dict[str, Assignment] = {}
        self._needing: dict[int, list[str]] = {}
        self._cancelled: dict[str, str] = {}
        data = path.read_bytes()
        self._size = self._recall(data, settled)
        if self._size < len(data):
            os.ftruncate(self._descriptor, self._size)

    def __len__(self) -> int:
        return len(self._waiting)

    def __contains__(self, task_id: str) -> bool:
        """Whether the task ever came, whatever became of it."""
        return task_id in self._known

    def accept(self, tasks: Sequence[Assignment]) -> None:
        """Write down and queue those tasks that are new. Raises StorageFull; then none is queued."""
        new = {task.task_id: task for task in tasks if task.task_id not in self._known}
        self._append([_line(task) for task in new.values()])
        self._known.update(new)
        for task in new.values():
            self._wait(task)

    def keep_waiting(self, task: Assignment) -> None:
        """Queue a task that is not written down, for nobody was promised that it will be run."""
        self._known.add(task.task_id)
        self._wait(task)

    def take(self) -> Assignment | None:
        """Take out the task whose turn it is."""
        for task_id in self._waiting:
            task = self._waiting.pop(task_id)
            if task.needs is not None:
                # Met, or it would not be its turn; so it is for the others that need the same.
                self._needing.pop(task.needs, None)
            return task
        return None

    def put_back(self, task: Assignment) -> None:
        """Put back what was taken out: it is its turn again."""
        self._waiting = {task.task_id: task, **self._waiting}

    def take_needing(self, seq: int) -> list[Assignment]:
        """Take out the tasks that need the one with number ``seq``."""
        needing = (self._waiting.pop(task_id, None) for task_id in self._needing.pop(seq, ()))
        return [task for task in needing if task is not None]

    def take_out(self, task_id: str) -> Assignment | None:
        """Take out one task; None if it does not wait."""
        return self._waiting.pop(task_id, None)

    def cancel_early(self, task_id: str, reason: str) -> None:
        """Remember that a task that has not come yet is not to be run. Raises StorageFull."""
        if task_id not in self._cancelled:
            self._append([_Cancel(task_id, reason)])
            self._cancelled[task_id] = reason

    def cancelled_early(self) -> list[tuple[Assignment, str]]:
        """Take out the waiting tasks that were cancelled before they came, each with the reason."""
        found = [task for task in self._cancelled if task in self._waiting]
        return [(self._waiting.pop(task), self._cancelled.pop(task)) for task in found]

    def drain(self) -> list[Assignment]:
        """Take out all that wait."""
        tasks = list(self._waiting.values())
        self._waiting.clear()
        return tasks

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _append(self, lines: Sequence[_Task | _Cancel]) -> None:
        data = b"".join(_encoder.encode(line) + b"\n" for line in lines)
        append_whole(self._descriptor, data, self._size)
        self._size += len(data)

    def _recall(self, data: bytes, settled: Container[str]) -> int:
        size = 0
        for line in data.splitlines(keepends=True):
            try:
                entry = _lines.decode(line) if line.endswith(b"\n") else None
            except msgspec.DecodeError:
                entry = None
            if entry is None:
                break
            size += len(line)
            match entry:
                case _Task():
                    self._known.add(entry.task_id)
                    if entry.task_id not in settled:
                        self._wait(_assignment(entry))
                case _Cancel():
                    if entry.task_id not in settled:
                        self._cancelled[entry.task_id] = entry.reason
        return size

    def _wait(self, task: Assignment) -> None:
        self._waiting[task.task_id] = task
        if task.needs is not None:
            self._needing.setdefault(task.needs, []).append(task.task_id)


def _line(task: Assignment) -> _Task:
    return _Task(
        task.task_id, task.seq, task.code, task.output_limit_bytes, task.needs, task.limits
    )


def _assignment(line: _Task) -> Assignment:
    return Assignment(
        task_id=line.task_id,
        seq=line.seq,
        code=line.code,
        output_limit_bytes=line.output_limit_bytes,
        needs=line.needs,
        limits=line.limits,
    )
