"""The whole of a task put together."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any

from kernelyard.client.errors import TaskCancelledError, TaskFailedError, TaskLostError
from kernelyard.client.rich import Rich
from kernelyard.client.types import TaskError, TaskInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Result(Rich):
    """One thing that a task showed.

    ::

        for result in kernel.run("import pandas; pandas.DataFrame({'a': [1]})").results:
            print(result.html or result.text)
    """

    kind: str
    """``display_data``, or ``execute_result`` for the value of the last line."""
    data: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    execution_count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskResult:
    """What a task said and how it ended.

    ::

        result = kernel.run("print('hello'); 6 * 7")
        result.stdout           # 'hello\\n'
        result.results[0].text  # '42'
        result.text             # 'hello\\n42'
        result.raise_for_error()
    """

    task: TaskInfo
    stdout: str = ""
    stderr: str = ""
    results: tuple[Result, ...] = ()
    """Things shown, in order, after their updates: displays and the value of the last line."""
    cut_bytes: int = 0
    """Output that the server dropped because it was over the task's limit."""
    gaps: int = 0
    """How often nobody listened for a while: output of that time is missing."""
    outputs_removed: bool = False
    """Whether its outputs were removed because they were kept long enough."""

    @property
    def state(self) -> str:
        """The task's state: ``succeeded``, ``failed``, ``cancelled`` or ``lost`` once it ended."""
        return self.task.state

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.task.state == "succeeded"

    @property
    def error(self) -> TaskError | None:
        """What the code raised."""
        return self.task.error

    @property
    def text(self) -> str:
        """All that was printed to stdout, then the text of each result on lines of its own."""
        parts = [self.stdout] if self.stdout else []
        for result in self.results:
            if result.text:
                if parts and not parts[-1].endswith("\n"):
                    parts.append("\n")
                parts.append(result.text)
        return "".join(parts)

    def raise_for_error(self) -> TaskResult:
        """Return itself if the task succeeded; otherwise raise a TaskFailedError."""
        task = self.task
        match task.state:
            case "failed":
                said = task.error or task.reason or "no reason was given"
                raise TaskFailedError(f"Task {task.id} failed: {said}", result=self)
            case "cancelled":
                said = task.reason or "somebody asked for it"
                raise TaskCancelledError(f"Task {task.id} was cancelled: {said}", result=self)
            case "lost":
                said = task.reason or "the kernel ended"
                raise TaskLostError(f"Task {task.id} was lost: {said}", result=self)
            case _:
                return self

    def _repr_mimebundle_(
        self, include: Container[str] | None = None, exclude: Container[str] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        if self.results:
            return self.results[-1]._repr_mimebundle_(include, exclude)
        return {"text/plain": self.text}, {}
